-- As `grouped_issue_counts`, of all issues: an asset is of one account.
with tracked as (
    select
        policy_id,
        coalesce(sum(issues) filter (where state = 'open'), 0) as open_issues,
        coalesce(sum(issues) filter (where state = 'exempt'), 0) as exempt_issues,
        coalesce(sum(issues) filter (where state = 'unknown'), 0) as unknown_issues
    from issue_cells
    where state <> 'closed'
    group by policy_id
),
of_assets as (
    select policy_id, sum(open_assets) as open_assets, sum(exempt_assets) as exempt_assets
    from keyed_assets
    group by policy_id
)
select
    '*' as group_id,
    tracked.policy_id,
    tracked.open_issues,
    tracked.exempt_issues,
    tracked.unknown_issues,
    coalesce(of_assets.open_assets, tracked.open_issues) as open_assets,
    coalesce(of_assets.exempt_assets, tracked.exempt_issues) as exempt_assets
from tracked
left join of_assets on tracked.policy_id = of_assets.policy_id
