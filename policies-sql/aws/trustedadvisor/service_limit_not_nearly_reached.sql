/*---
id          = "aws-trustedadvisor-service-limit-not-nearly-reached"
title       = "No service limit is nearly reached"
severity    = "medium"
category    = "governance"
asset_type  = "aws_trusted_advisor_check_resource"
description = "At the limit nothing new starts: no instance for the load, no address, no stack for the release."
remediation = "Ask for more in time (`aws service-quotas request-service-quota-increase --service-code SERVICE --quota-code QUOTA --desired-value N`), or delete what nobody needs."
how         = { cli = "aws service-quotas request-service-quota-increase --service-code SERVICE --quota-code QUOTA --desired-value N", terraform = "aws_servicequotas_service_quota", console = "Service Quotas > AWS services > Request increase" }
references  = ["https://docs.aws.amazon.com/awssupport/latest/user/service-limits.html"]

[params.usage_percent_min]
type    = "int"
default = 80
doc     = "Percent of a limit in use, from which it counts."

[params.check_ids]
type    = "list<string>"
default = ["eW7HH0l7J9"]
doc     = "Checks about limits beside those of Trusted Advisor's category service_limits."
---*/
-- A check names the columns of its rows; usage or limit that is missing or no number is unknown.
with rows_of_limits as (
    select
        asset_id,
        account_id,
        region,
        metadata,
        cast(array_position(columns_of_check, 'Region') as bigint) as region_at,
        cast(array_position(columns_of_check, 'Service') as bigint) as service_at,
        cast(array_position(columns_of_check, 'Limit Name') as bigint) as limit_name_at,
        cast(array_position(columns_of_check, 'Limit Amount') as bigint) as limit_amount_at,
        cast(array_position(columns_of_check, 'Current Usage') as bigint) as current_usage_at
    from aws_trusted_advisor_check_resource
    where
        status in ('warning', 'error')
        and not coalesce(is_suppressed, false)
        and (check_category = 'service_limits' or array_has($check_ids, check_id))
),

limits as (
    select
        asset_id,
        account_id,
        region,
        array_element(metadata, service_at) || ' ' || array_element(metadata, limit_name_at)
        || coalesce(' in ' || nullif(array_element(metadata, region_at), '-'), '') as limit_name,
        try_cast(array_element(metadata, limit_amount_at) as double) as limit_amount,
        try_cast(array_element(metadata, current_usage_at) as double) as current_usage
    from rows_of_limits
)

select
    asset_id,
    account_id,
    region,
    coalesce(limit_name || ': ', '') || cast(current_usage as bigint) || ' of ' || cast(limit_amount as bigint)
    || ' are used' as reason,
    limit_amount,
    current_usage
from limits
where
    limit_amount > 0
    and current_usage * 100 >= limit_amount * $usage_percent_min
