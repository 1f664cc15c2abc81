-- As fold_issues.sql, where no issue has more than one event after `$after`.
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
    at as first_opened_at,
    case when cause in ('opened', 'reopened') then at end as opened_at,
    at as changed_at,
    case when to_state = 'closed' then at end as closed_at,
    cause,
    run_id,
    sequence
from issue_events
where sequence > $after
