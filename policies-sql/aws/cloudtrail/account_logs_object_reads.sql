/*---
id          = "aws-cloudtrail-account-logs-object-reads"
title       = "Accounts log reads of S3 objects"
severity    = "low"
category    = "security"
asset_type  = "aws_account"
description = "Without data events nobody can tell who read which object."
remediation = "Add S3 data events to a trail."
how         = { cli = "aws cloudtrail put-event-selectors --trail-name NAME --advanced-event-selectors file://selectors.json", terraform = "aws_cloudtrail: advanced_event_selector", console = "CloudTrail > Trails > Data events > Edit" }
---*/
-- By either kind of selector, of a trail that is not known to have stopped. A selector that names some buckets does not cover all.
with basic as (
    select
        account_id,
        unnest(event_selectors) as selector
    from aws_cloudtrail_trail
    where coalesce(is_logging, true)
),

data_resources as (
    select
        account_id,
        selector['read_write_type'] as read_write_type,
        unnest(selector['data_resources']) as resource
    from basic
),

advanced as (
    select
        account_id,
        arn,
        unnest(advanced_event_selectors) as selector
    from aws_cloudtrail_trail
    where coalesce(is_logging, true)
),

numbered as (
    select
        account_id,
        row_number() over (order by account_id, arn) as number,
        selector
    from advanced
),

fields as (
    select
        account_id,
        number,
        unnest(selector['field_selectors']) as field_selector
    from numbered
),

covered as (
    select account_id
    from data_resources
    where
        coalesce(read_write_type, 'All') <> 'WriteOnly'
        and resource['type'] = 'AWS::S3::Object'
        and (array_has(resource['values'], 'arn:aws:s3') or array_has(resource['values'], 'arn:aws:s3:::'))

    union

    select account_id
    from fields
    group by
        account_id,
        number
    having
        bool_or(field_selector['field'] = 'resources.type' and array_has(field_selector['equals'], 'AWS::S3::Object'))
        and not bool_or(field_selector['field'] = 'readOnly' and array_has(field_selector['equals'], 'false'))
        and not bool_or(field_selector['field'] = 'resources.ARN')
)

select
    aws_account.asset_id,
    aws_account.account_id,
    aws_account.region,
    'no trail logs reads of all S3 objects' as reason
from aws_account
left anti join covered
    on aws_account.account_id = covered.account_id
