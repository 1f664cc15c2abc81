/*---
id          = "aws-cloudtrail-account-multi-region-trail"
title       = "Accounts log the events of all regions"
severity    = "medium"
category    = "security"
asset_type  = "aws_account"
description = "A trail over all regions keeps who changed what, also where nobody works and in global services such as IAM. It may be the account's own or its organization's."
remediation = "`aws cloudtrail create-trail --name NAME --s3-bucket-name BUCKET --is-multi-region-trail`, then `aws cloudtrail start-logging --name NAME`; with `--is-organization-trail` in the management account one trail does for all."
fix         = "aws-cloudtrail-log-all-regions"
how         = { cli = "aws cloudtrail create-trail --name NAME --s3-bucket-name BUCKET --is-multi-region-trail", terraform = "aws_cloudtrail: is_multi_region_trail = true", console = "CloudTrail > Trails > Create trail" }
references  = ["https://docs.aws.amazon.com/awscloudtrail/latest/userguide/receive-cloudtrail-log-files-from-multiple-regions.html"]
---*/
-- Which management events a trail logs, by either kind of selector.
with basic_selectors as (
    select
        account_id,
        arn,
        unnest(event_selectors) as selector
    from aws_cloudtrail_trail
),

advanced_selectors as (
    select
        account_id,
        arn,
        unnest(advanced_event_selectors) as selector
    from aws_cloudtrail_trail
),

numbered_selectors as (
    select
        account_id,
        arn,
        row_number() over (partition by account_id, arn) as number,
        selector
    from advanced_selectors
),

field_selectors as (
    select
        account_id,
        arn,
        number,
        unnest(selector['field_selectors']) as field_selector
    from numbered_selectors
),

management_selectors as (
    select
        account_id,
        arn,
        coalesce(selector['read_write_type'], 'All') <> 'WriteOnly' as reads,
        coalesce(selector['read_write_type'], 'All') <> 'ReadOnly' as writes
    from basic_selectors
    where coalesce(selector['include_management_events'], true)

    union all

    select
        account_id,
        arn,
        not bool_or(field_selector['field'] = 'readOnly' and array_has(field_selector['equals'], 'false')) as reads,
        not bool_or(field_selector['field'] = 'readOnly' and array_has(field_selector['equals'], 'true')) as writes
    from field_selectors
    group by
        account_id,
        arn,
        number
    having bool_or(field_selector['field'] = 'eventCategory' and array_has(field_selector['equals'], 'Management'))
),

management_events as (
    select
        account_id,
        arn,
        bool_or(reads) and bool_or(writes) as complete
    from management_selectors
    group by
        account_id,
        arn
),

-- What a trail lacks; null when it lacks nothing or nothing that is known. A trail without any selector logs all
-- management events.
trails as (
    select
        aws_cloudtrail_trail.account_id,
        coalesce(aws_cloudtrail_trail.is_organization_trail, false) as is_organization_trail,
        aws_cloudtrail_trail.trail_name || case
            when not aws_cloudtrail_trail.is_multi_region_trail then ' covers one region'
            when not aws_cloudtrail_trail.is_logging then ' does not log'
            when not aws_cloudtrail_trail.include_global_service_events then ' leaves out global services'
            when
                (
                    cardinality(aws_cloudtrail_trail.event_selectors) > 0
                    or cardinality(aws_cloudtrail_trail.advanced_event_selectors) > 0
                )
                and not coalesce(management_events.complete, false)
                then ' leaves out management events'
        end as gap
    from aws_cloudtrail_trail
    left join management_events
        on aws_cloudtrail_trail.account_id = management_events.account_id
        and aws_cloudtrail_trail.arn = management_events.arn
),

-- A trail of the organization covers every account of it, but is an asset of the management account alone.
covering as (
    select
        account_id,
        gap
    from trails

    union all

    select
        aws_account.account_id,
        trails.gap
    from aws_account
    inner join trails
        on aws_account.organization_master_account_id = trails.account_id
        and aws_account.account_id <> trails.account_id
    where trails.is_organization_trail
),

coverage as (
    select
        account_id,
        bool_or(gap is null) as complete,
        string_agg(distinct gap, ', ' order by gap) as gaps
    from covering
    group by account_id
),

-- Nobody knows the trails of an organization whose management account was not read.
known_accounts as (
    select
        aws_account.asset_id,
        aws_account.account_id,
        aws_account.region
    from aws_account
    left join aws_account as management_account
        on aws_account.organization_master_account_id = management_account.account_id
    where
        aws_account.organization_master_account_id is null
        or management_account.account_id is not null
)

select
    known_accounts.asset_id,
    known_accounts.account_id,
    known_accounts.region,
    coalesce('no trail logs all events: ' || coverage.gaps, 'there is no trail') as reason
from known_accounts
left join coverage
    on known_accounts.account_id = coverage.account_id
where not coalesce(coverage.complete, false)
