-- The state of each issue: its newest event, with the times of its first and its newest opening.
-- Reads the events of issue_events after `$after`; yields the columns of the table `issues`.
select
    issue_id,
    to_state as state,
    policy_id,
    severity,
    asset_type,
    asset_id,
    account_id,
    region,
    collected_in,
    key,
    reason,
    evidence,
    occurrence,
    first_opened_at,
    opened_at,
    at as changed_at,
    case when to_state = 'closed' then at end as closed_at,
    cause,
    run_id,
    sequence
from (
    select
        issue_events.*,
        row_number() over (partition by issue_id order by sequence desc) as age,
        min(at) over (partition by issue_id) as first_opened_at,
        max(case when cause in ('opened', 'reopened') then at end) over (partition by issue_id) as opened_at
    from issue_events
    where sequence > $after
)
where age = 1
