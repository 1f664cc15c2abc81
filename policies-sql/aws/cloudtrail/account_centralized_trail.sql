/*---
id          = "aws-cloudtrail-account-centralized-trail"
title       = "Accounts log to the company's trail"
severity    = "medium"
category    = "security"
asset_type  = "aws_account"
description = "One bucket, in an account of its own, that receives the events of every account is out of reach of whoever takes one of them over."
remediation = "Make the trail of all regions that the parameters describe, or let an organization trail from the management account do it."
how         = { cli = "aws cloudtrail create-trail --name NAME --s3-bucket-name BUCKET --is-multi-region-trail --is-organization-trail", terraform = "aws_cloudtrail: is_organization_trail = true", console = "CloudTrail > Trails > Create trail > Enable for all accounts in my organization" }
references  = ["https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-receive-logs-from-multiple-accounts.html"]

[params.bucket_name]
type    = "string"
default = ""
doc     = "The bucket that has to receive the events of all accounts; empty: any."

[params.trail_name]
type    = "string"
default = ""
doc     = "The name that the trail has to have; empty: any. Where both are empty nothing is judged."
---*/
-- What a trail of the right bucket and name lacks; null when it lacks nothing or nothing that is known.
with trails as (
    select
        account_id,
        coalesce(is_organization_trail, false) as is_organization_trail,
        trail_name || case
            when not is_multi_region_trail then ' covers one region'
            when not is_logging then ' does not log'
        end as gap
    from aws_cloudtrail_trail
    where
        ($bucket_name = '' or s3_bucket_name = $bucket_name)
        and ($trail_name = '' or trail_name = $trail_name)
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
    coalesce(
        'trail ' || coverage.gaps,
        'there is no trail' || case when $trail_name <> '' then ' ' || $trail_name else '' end
        || case when $bucket_name <> '' then ' to bucket ' || $bucket_name else '' end
    ) as reason
from known_accounts
left join coverage
    on known_accounts.account_id = coverage.account_id
where
    not coalesce(coverage.complete, false)
    and ($bucket_name <> '' or $trail_name <> '')
