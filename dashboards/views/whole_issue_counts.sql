-- As `grouped_issue_counts`, of all issues: an asset is of one account.
with tracked as (
    select
        account_id,
        policy_id,
        sum(case when state = 'open' then issues else 0 end) as open_issues,
        sum(case when state = 'exempt' then issues else 0 end) as exempt_issues,
        sum(case when state = 'unknown' then issues else 0 end) as unknown_issues
    from issue_cells
    where state <> 'closed'
    group by account_id, policy_id
)
select
    '*' as group_id,
    tracked.policy_id,
    sum(tracked.open_issues) as open_issues,
    sum(tracked.exempt_issues) as exempt_issues,
    sum(tracked.unknown_issues) as unknown_issues,
    sum(coalesce(keyed_assets.open_assets, tracked.open_issues)) as open_assets,
    sum(coalesce(keyed_assets.exempt_assets, tracked.exempt_issues)) as exempt_assets
from tracked
left join keyed_assets on tracked.account_id = keyed_assets.account_id and tracked.policy_id = keyed_assets.policy_id
group by tracked.policy_id
