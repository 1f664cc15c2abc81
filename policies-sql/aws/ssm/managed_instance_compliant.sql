/*---
id          = "aws-ssm-managed-instance-compliant"
title       = "Managed instances comply with their associations"
severity    = "low"
category    = "governance"
asset_type  = "aws_ssm_managed_instance_compliance"
description = "An association says how the machine should be."
remediation = "Look at the association's last run."
how         = { cli = "aws ssm describe-association-executions --association-id ID", terraform = "aws_ssm_association", console = "Systems Manager > Compliance" }
---*/
select
    asset_id,
    account_id,
    region,
    'an association failed' as reason
from aws_ssm_managed_instance_compliance
where
    status = 'NON_COMPLIANT'
    and compliance_type = 'Association'
