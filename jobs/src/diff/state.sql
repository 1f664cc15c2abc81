-- The state of each issue: as `issues` has it, with the events since then folded in. Reads `issues` and `issue_events`, whose
-- events up to `$folded` are in `issues`; yields the columns of `issues`. It is what all events fold to (fold_issues.sql),
-- at the price of the new ones.
with newest as (
    select *
    from (
        select
            issue_events.*,
            row_number() over (partition by issue_id order by sequence desc) as age,
            min(at) over (partition by issue_id) as first_at,
            max(case when cause in ('opened', 'reopened') then at end) over (partition by issue_id) as last_opened_at
        from issue_events
        where sequence > $folded
    )
    where age = 1
)
select
    newest.issue_id,
    newest.to_state as state,
    newest.policy_id,
    newest.severity,
    newest.asset_type,
    newest.asset_id,
    newest.account_id,
    newest.region,
    newest.collected_in,
    newest.key,
    newest.reason,
    newest.evidence,
    newest.occurrence,
    coalesce(issues.first_opened_at, newest.first_at) as first_opened_at,
    coalesce(newest.last_opened_at, issues.opened_at) as opened_at,
    newest.at as changed_at,
    case when newest.to_state = 'closed' then newest.at end as closed_at,
    newest.cause,
    newest.run_id,
    newest.sequence
from newest
left join issues on newest.issue_id = issues.issue_id
union all
select
    issues.issue_id,
    issues.state,
    issues.policy_id,
    issues.severity,
    issues.asset_type,
    issues.asset_id,
    issues.account_id,
    issues.region,
    issues.collected_in,
    issues.key,
    issues.reason,
    issues.evidence,
    issues.occurrence,
    issues.first_opened_at,
    issues.opened_at,
    issues.changed_at,
    issues.closed_at,
    issues.cause,
    issues.run_id,
    issues.sequence
from issues
left anti join newest on issues.issue_id = newest.issue_id
