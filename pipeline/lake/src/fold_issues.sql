-- The state of each issue: its newest event, with the times of its first and its newest opening.
-- Reads `last_events`; yields the columns of the table `issues`.
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
from last_events
