-- How each run judged each policy, and how long that took.
select
    run_id, policy_id, severity, asset_type, status, error, assets, violating, violations, unknown,
    array_length(unknown_scopes) as unanswered_requests,
    millis / 1000.0 as seconds
from policy_runs
