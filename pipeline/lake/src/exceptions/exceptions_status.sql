-- Each exception as it stands: its newest row, its `state`, how many issues it covers now (`issues`), how many of those
-- would be open without it (`exempts`; those that another exception covers as well are not counted), in how many accounts,
-- and whether it is `unused` (active, and covers no issue that is not closed) or `broad` (active, and covers every asset of
-- its policies, or more than half of the 20 or more issues that one of its policies has).
with covered as (
    select
        covered_issues.exception_id,
        recorded_issues.issue_id,
        recorded_issues.policy_id,
        recorded_issues.account_id,
        recorded_issues.state,
        count(*) over (partition by covered_issues.issue_id) as exceptions
    from covered_issues
    join recorded_issues on covered_issues.issue_id = recorded_issues.issue_id
    where recorded_issues.state <> 'closed'
),
counted as (
    select
        exception_id,
        count(*) as issues,
        count(*) filter (where state = 'open' and exceptions = 1) as exempts,
        count(distinct account_id) as accounts
    from covered
    group by exception_id
),
of_policy as (
    select policy_id, count(*) as issues
    from recorded_issues
    where state <> 'closed'
    group by policy_id
),
wide as (
    select distinct exception_id
    from (
        select covered.exception_id, covered.policy_id, count(*) as issues
        from covered
        group by covered.exception_id, covered.policy_id
    ) as part
    join of_policy on part.policy_id = of_policy.policy_id
    where of_policy.issues >= 20 and 2 * part.issues > of_policy.issues
)
select
    folded_exceptions.exception_id,
    folded_exceptions.state,
    folded_exceptions.requester,
    folded_exceptions.approver,
    folded_exceptions.reason,
    folded_exceptions.ticket,
    folded_exceptions.issue_ids,
    folded_exceptions.policies,
    folded_exceptions.group_id,
    folded_exceptions.on,
    folded_exceptions.where,
    folded_exceptions.from_date,
    folded_exceptions.until_date,
    folded_exceptions.zone,
    folded_exceptions.from_at,
    folded_exceptions.until_at,
    folded_exceptions.first_at,
    folded_exceptions.at as changed_at,
    folded_exceptions.actor as changed_by,
    coalesce(counted.issues, 0) as issues,
    coalesce(counted.exempts, 0) as exempts,
    coalesce(counted.accounts, 0) as accounts,
    folded_exceptions.state = 'active' and counted.issues is null as unused,
    folded_exceptions.state = 'active' and (folded_exceptions.is_of_all_assets or wide.exception_id is not null) as broad
from folded_exceptions
left join counted on folded_exceptions.exception_id = counted.exception_id
left join wide on folded_exceptions.exception_id = wide.exception_id
