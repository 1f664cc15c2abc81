/*---
id          = "aws-cloudwatch-log-group-retention"
title       = "Log groups forget old events"
severity    = "low"
category    = "costOptimization"
asset_type  = "aws_cloudwatch_log_group"
description = "Events that nobody deletes cost money for ever, and keep personal data too long."
remediation = "Choose for how long they are kept."
how         = { cli = "aws logs put-retention-policy --log-group-name NAME --retention-in-days 365", terraform = "aws_cloudwatch_log_group: retention_in_days = 365", console = "CloudWatch > Log groups > Actions > Edit retention setting" }
---*/
-- Null: the list says that there is no limit.
select
    asset_id,
    account_id,
    region,
    'events are kept for ever' as reason
from aws_cloudwatch_log_group
where retention_in_days is null
