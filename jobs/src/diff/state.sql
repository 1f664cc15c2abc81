-- The state of each issue: as `issues` has it, with the events since then. Reads `issues` and `newest`, which is what the
-- events that are not in `issues` fold to by themselves; yields the columns of `issues`. It is what all events fold to, at
-- the price of the new ones.
select
    newest.issue_id,
    newest.state,
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
    coalesce(known.first_opened_at, newest.first_opened_at) as first_opened_at,
    coalesce(newest.opened_at, known.opened_at) as opened_at,
    newest.changed_at,
    newest.closed_at,
    newest.cause,
    newest.run_id,
    newest.sequence
from (select issue_id, first_opened_at, opened_at from issues) as known
right join newest on known.issue_id = newest.issue_id
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
from (select issue_id from newest) as again
right anti join issues on again.issue_id = issues.issue_id
