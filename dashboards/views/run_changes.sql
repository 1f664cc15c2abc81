-- What the newest finished diff changed: one row per event, with names for people.
with newest as (
    select run_id
    from runs
    where stage = 'diff' and status in ('complete', 'partial')
    order by run_at desc, started_at desc
    limit 1
),
last_diff as (
    select issue_events.*
    from issue_events
    join newest on issue_events.run_id = newest.run_id
),
titles as (
    select policy_id, max(title) as title
    from policy_runs
    group by policy_id
),
accounts as (
    select account_id, max(account_name) as account_name
    from answers
    group by account_id
),
named as (
    select assets.asset_type, assets.asset_id, assets.name
    from assets
    left semi join last_diff on assets.asset_id = last_diff.asset_id
)
select
    last_diff.cause,
    last_diff.from_state,
    last_diff.to_state,
    last_diff.severity,
    case last_diff.severity when 'critical' then 1 when 'high' then 2 when 'medium' then 3 else 4 end as severity_rank,
    last_diff.policy_id,
    titles.title,
    last_diff.account_id,
    accounts.account_name,
    last_diff.region,
    last_diff.asset_type,
    last_diff.asset_id,
    named.name as asset_name,
    last_diff.key,
    last_diff.reason,
    last_diff.issue_id,
    last_diff.run_id,
    last_diff.at
from last_diff
left join titles on last_diff.policy_id = titles.policy_id
left join accounts on last_diff.account_id = accounts.account_id
left join named on last_diff.asset_type = named.asset_type and last_diff.asset_id = named.asset_id
