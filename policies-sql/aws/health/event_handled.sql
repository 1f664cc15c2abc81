/*---
id          = "aws-health-event-handled"
title       = "AWS Health announces nothing"
severity    = "low"
category    = "governance"
asset_type  = "aws_health_event"
description = "Retirements and changes happen on their day, whether somebody looked or not."
remediation = "Follow what the event says."
how         = { cli = "aws health describe-event-details --event-arns ARN", terraform = "aws_cloudwatch_event_rule", console = "Health Dashboard > Your account health" }
---*/
select
    asset_id,
    account_id,
    region,
    event_type_code || ' in ' || event_region as reason
from aws_health_event
where event_type_category in ('issue', 'scheduledChange')
