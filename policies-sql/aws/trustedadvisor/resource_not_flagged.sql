/*---
id          = "aws-trustedadvisor-resource-not-flagged"
title       = "Trusted Advisor flags nothing as idle or little used"
severity    = "low"
category    = "costOptimization"
asset_type  = "aws_trusted_advisor_check_resource"
description = "Its checks know use and prices that no other API tells: what nobody uses is paid for all the same."
remediation = "Follow what the check says."
how         = { cli = "aws support describe-trusted-advisor-check-result --check-id ID", terraform = "aws_cloudwatch_event_rule", console = "Trusted Advisor > Checks" }

[params.check_ids]
type    = "list<string>"
default = ["G31sQ1E9U", "DAvU99Dc4C", "hjLMh88uM8", "Ti39halfu8", "Qch7DwouX1"]
doc     = "Checks that count: Redshift clusters and EBS volumes that are little used, idle load balancers and databases, instances that are little used."
---*/
select
    asset_id,
    account_id,
    region,
    check_name || ' (' || status || ')' || coalesce(': ' || array_to_string(metadata, ', '), '') as reason,
    check_id,
    resource_region
from aws_trusted_advisor_check_resource
where
    status in ('warning', 'error')
    and not coalesce(is_suppressed, false)
    and array_has($check_ids, check_id)
