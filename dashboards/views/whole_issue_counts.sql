-- As `grouped_issue_counts`, of all issues: an asset is of one account.
select
    '*' as group_id,
    policy_id,
    sum(open_issues) as open_issues,
    sum(exempt_issues) as exempt_issues,
    sum(unknown_issues) as unknown_issues,
    sum(open_assets) as open_assets,
    sum(exempt_assets) as exempt_assets
from grouped_issue_counts
where group_id like 'account:%'
group by policy_id
