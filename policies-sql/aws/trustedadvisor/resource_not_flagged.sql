/*---
id          = "aws-trustedadvisor-resource-not-flagged"
title       = "Trusted Advisor flags nothing"
severity    = "low"
category    = "costOptimization"
asset_type  = "aws_trusted_advisor_check_resource"
description = "Its checks know quotas, prices and use that no API tells."
remediation = "Follow what the check says."
how         = { cli = "aws support describe-trusted-advisor-check-result --check-id ID", terraform = "aws_cloudwatch_event_rule", console = "Trusted Advisor > Checks" }

[params.check_ids]
type    = "list<string>"
default = ["G31sQ1E9U", "DAvU99Dc4C", "eW7HH0l7J9", "hjLMh88uM8", "Ti39halfu8", "Qch7DwouX1", "1e93e4c0b5", "rSs93HQwa1"]
doc     = "Checks that count: Redshift and EBS use, service limits, idle load balancers and databases, EC2 use, reserved instances, public RDS snapshots."
---*/
select
    asset_id,
    account_id,
    region,
    check_name || ' (' || status || ')' as reason
from aws_trusted_advisor_check_resource
where
    status in ('warning', 'error')
    and not coalesce(is_suppressed, false)
    and array_has($check_ids, check_id)
