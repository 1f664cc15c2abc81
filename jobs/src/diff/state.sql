-- The state of each issue: as `issues` has it, with the events since then. Reads `issues`, and `renewed`, the state of those
-- that have such events (`newest`); yields the columns of `issues`. It is what all events fold to, at the price of the new ones.
select * from renewed
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
