-- What each run was answered for each asset type in each scope: the worst status of its requests (`rank` 1 is the worst,
-- 9 is whole), the first error of that status, what to grant, the assets of its list, and the calls and seconds of all
-- its requests together.
with ranked as (
    select
        *,
        case status
            when 'failed' then 1 when 'denied' then 2 when 'held' then 3 when 'vanished' then 4 when 'withdrawn' then 8
            else 9
        end as rank
    from coverage
),
placed as (
    select
        *,
        row_number() over (partition by run_id, account_id, region, asset_type order by rank, status, request) as place
    from ranked
),
permissions as (
    select run_id, account_id, region, asset_type, string_agg(missing_permission, ', ') as missing_permissions
    from (
        select distinct run_id, account_id, region, asset_type, missing_permission
        from coverage
        where missing_permission is not null
    )
    group by run_id, account_id, region, asset_type
),
totals as (
    select
        run_id, account_id, region, asset_type,
        max(account_name) as account_name,
        count(*) filter (where rank < 8) as unanswered_requests,
        max(case when request = 'list' then rows end) as rows,
        sum(calls) as calls,
        sum(millis) / 1000.0 as seconds
    from ranked
    group by run_id, account_id, region, asset_type
)
select
    totals.run_id, totals.account_id, totals.account_name, totals.region, totals.asset_type,
    placed.status, placed.rank, placed.request, placed.error_code, placed.error,
    permissions.missing_permissions, totals.unanswered_requests, totals.rows, totals.calls, totals.seconds
from totals
join placed
    on totals.run_id = placed.run_id
    and totals.account_id = placed.account_id
    and totals.region = placed.region
    and totals.asset_type = placed.asset_type
    and placed.place = 1
left join permissions
    on totals.run_id = permissions.run_id
    and totals.account_id = permissions.account_id
    and totals.region = permissions.region
    and totals.asset_type = permissions.asset_type
