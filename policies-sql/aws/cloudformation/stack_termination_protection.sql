/*---
id          = "aws-cloudformation-stack-termination-protection"
title       = "Stacks are protected against deletion"
severity    = "low"
category    = "governance"
asset_type  = "aws_cloudformation_stack"
description = "One wrong command deletes all of its resources."
remediation = "Turn termination protection on."
how         = { cli = "aws cloudformation update-termination-protection --stack-name NAME --enable-termination-protection", terraform = "aws_cloudformation_stack", console = "CloudFormation > Stacks > Stack actions > Edit termination protection" }
---*/
-- A nested stack takes its protection from its root stack and has none of its own to set.
select
    asset_id,
    account_id,
    region,
    'the stack can be deleted' as reason
from aws_cloudformation_stack
where
    not enable_termination_protection
    and parent_id is null
