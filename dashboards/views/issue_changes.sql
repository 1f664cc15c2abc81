-- Every transition of every issue: one row per event, with names for people. `assets` gives the names of those that
-- still exist.
with titles as (
    select policy_id, max(title) as title
    from policy_runs
    group by policy_id
),
accounts as (
    select account_id, max(account_name) as account_name
    from answers
    group by account_id
)
select
    issue_events.cause,
    issue_events.from_state,
    issue_events.to_state,
    issue_events.severity,
    case issue_events.severity when 'critical' then 1 when 'high' then 2 when 'medium' then 3 else 4 end as severity_rank,
    issue_events.policy_id,
    titles.title,
    issue_events.account_id,
    accounts.account_name,
    issue_events.region,
    issue_events.asset_type,
    issue_events.asset_id,
    assets.name as asset_name,
    issue_events.key,
    issue_events.reason,
    issue_events.issue_id,
    issue_events.occurrence,
    issue_events.sequence,
    issue_events.run_id,
    issue_events.at
from issue_events
left join titles on issue_events.policy_id = titles.policy_id
left join accounts on issue_events.account_id = accounts.account_id
left join assets on issue_events.asset_type = assets.asset_type and issue_events.asset_id = assets.asset_id
