/*---
id          = "aws-cloudformation-stack-not-drifted"
title       = "Stacks are as their templates say"
severity    = "low"
category    = "governance"
asset_type  = "aws_cloudformation_stack"
description = "What was changed by hand is lost with the next update, or breaks it."
remediation = "Bring the change into the template, or undo it."
how         = { cli = "aws cloudformation detect-stack-drift --stack-name NAME", terraform = "aws_cloudformation_stack", console = "CloudFormation > Stacks > Stack actions > View drift results" }
---*/
select
    asset_id,
    account_id,
    region,
    'resources were changed by hand' as reason
from aws_cloudformation_stack
where stack_drift_status = 'DRIFTED'
