/*---
id          = "aws-cloudtrail-trail-cloudwatch-logs"
title       = "Trails send their events to CloudWatch Logs"
severity    = "medium"
category    = "governance"
asset_type  = "aws_cloudtrail_trail"
description = "In CloudWatch Logs events can be searched within minutes and can raise alarms. In the bucket alone they wait for somebody to look."
remediation = "`aws cloudtrail update-trail --name ARN --cloud-watch-logs-log-group-arn ARN --cloud-watch-logs-role-arn ARN`"
how         = { cli = "aws cloudtrail update-trail --name ARN --cloud-watch-logs-log-group-arn ARN --cloud-watch-logs-role-arn ARN", terraform = "aws_cloudtrail: cloud_watch_logs_group_arn", console = "CloudTrail > Trails > CloudWatch Logs > Edit" }
references  = ["https://docs.aws.amazon.com/awscloudtrail/latest/userguide/send-cloudtrail-events-to-cloudwatch-logs.html"]

[params.max_delivery_age_hours]
type    = "int"
default = 24
doc     = "How long ago, in hours, the last events may have arrived while the trail logs."
---*/
-- The request that lists a trail also says its log group: null means that there is none. Whether and when events
-- arrived is another request's answer: null there is unknown.
select
    asset_id,
    account_id,
    region,
    case
        when coalesce(log_group_arn, '') = '' then 'events do not go to CloudWatch Logs'
        else 'CloudWatch Logs last received events on ' || to_char(latest_cloudwatch_logs_delivery_time, '%Y-%m-%d %H:%M')
            || coalesce(' (' || nullif(latest_cloudwatch_logs_delivery_error, '') || ')', '')
    end as reason,
    log_group_arn
from aws_cloudtrail_trail
where
    coalesce(log_group_arn, '') = ''
    or (
        is_logging
        and date_part('epoch', now()) - date_part('epoch', latest_cloudwatch_logs_delivery_time) > $max_delivery_age_hours * 3600
    )
