/*---
id          = "aws-cloudwatch-alarm-actions-enabled"
title       = "Alarms do what they are for"
severity    = "medium"
category    = "governance"
asset_type  = "aws_cloudwatch_alarm"
description = "An alarm whose actions are off tells nobody."
remediation = "Turn its actions on."
how         = { cli = "aws cloudwatch enable-alarm-actions --alarm-names NAME", terraform = "aws_cloudwatch_metric_alarm: actions_enabled = true", console = "CloudWatch > Alarms > Actions > Alarm actions > Enable" }
---*/
select
    asset_id,
    account_id,
    region,
    'its actions are off' as reason
from aws_cloudwatch_alarm
where not actions_enabled
