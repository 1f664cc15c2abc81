/*---
id          = "aws-inspector-finding-resolved"
title       = "Inspector finds nothing serious"
severity    = "high"
category    = "security"
asset_type  = "aws_inspector2_finding"
description = "Known holes with known exploits are used within days."
remediation = "Install the fixed version that the finding names."
how         = { cli = "aws inspector2 list-findings", terraform = "aws_inspector2_enabler", console = "Inspector > Findings" }
---*/
select
    asset_id,
    account_id,
    region,
    severity || ': ' || title as reason
from aws_inspector2_finding
where
    severity in ('CRITICAL', 'HIGH')
    and status = 'ACTIVE'
