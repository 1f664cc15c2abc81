-- The state of the issues that have events which are not in `issues`: what these fold to, with what `issues` knows of the times
-- before. Reads `newest`, which is what these events fold to by themselves, and `known`; yields the columns of `issues`.
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
from known
right join newest on known.issue_id = newest.issue_id
