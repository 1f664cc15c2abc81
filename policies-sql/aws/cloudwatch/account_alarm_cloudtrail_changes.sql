/*---
id          = "aws-cloudwatch-account-alarm-cloudtrail-changes"
title       = "An alarm tells of changes of CloudTrail"
severity    = "low"
category    = "security"
asset_type  = "aws_account"
description = "An attack shows in the trail within minutes, if somebody is told."
remediation = "Make a metric filter on the trail's log group for changes of CloudTrail, and an alarm with a topic."
how         = { cli = "aws logs put-metric-filter --log-group-name GROUP --filter-name cloudtrail-changes --filter-pattern PATTERN --metric-transformations metricName=M,metricNamespace=N,metricValue=1", terraform = "aws_cloudwatch_log_metric_filter, aws_cloudwatch_metric_alarm", console = "CloudWatch > Log groups > Metric filters > Create metric filter" }
---*/
-- The chain: a trail of all regions that logs, its log group, a filter that names the event, an alarm on its metric that
-- tells somebody. A link whose state is unknown is taken to hold.
with filters as (
    select
        account_id,
        region,
        log_group_name,
        filter_pattern,
        unnest(metric_transformations) as metric
    from aws_cloudwatch_log_metric_filter
),

told as (
    select trail.account_id
    from aws_cloudtrail_trail as trail
    inner join filters
        on trail.account_id = filters.account_id
        and split_part(trail.log_group_arn, ':', 7) = filters.log_group_name
    inner join aws_cloudwatch_alarm as alarm
        on filters.account_id = alarm.account_id
        and filters.region = alarm.region
        and filters.metric['metric_name'] = alarm.metric_name
        and filters.metric['metric_namespace'] = alarm.namespace
    where
        coalesce(trail.is_multi_region_trail, true)
        and coalesce(trail.is_logging, true)
        and strpos(filters.filter_pattern, 'StopLogging') > 0
        and array_length(alarm.alarm_actions) > 0
        and coalesce(alarm.actions_enabled, true)
    group by trail.account_id
)

select
    aws_account.asset_id,
    aws_account.account_id,
    aws_account.region,
    'no alarm tells of changes of CloudTrail' as reason
from aws_account
left anti join told
    on aws_account.account_id = told.account_id
