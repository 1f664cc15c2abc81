-- The issues whose state may change, by their ids alone, since nearly all issues are as they were: those that are seen
-- (`is_seen`) and were not open, with what they were, and those that are not seen and were not closed. Reads `found`, `judged`,
-- `again` and `before` (the state of each issue).
with seen as (
    select issue_id
    from found
    where is_one_each
    union all
    select distinct issue_id
    from found
    where not is_one_each
),
settled as (
    select policy_id
    from judged
    where settled_to >= 0
),
renewed as (
    select again.policy_id, again.account_id
    from again
    join judged on again.policy_id = judged.policy_id
    where judged.settled_to >= 0 and again.number > judged.settled_to
),
-- Those of policies of which nothing is settled or that are not judged any more, and of accounts that were judged since.
compared as (
    select before.issue_id, before.state, before.occurrence
    from settled
    right anti join before on settled.policy_id = before.policy_id
    union all
    select before.issue_id, before.state, before.occurrence
    from renewed
    right semi join before on renewed.policy_id = before.policy_id and renewed.account_id = before.account_id
)
select
    coalesce(seen.issue_id, compared.issue_id) as issue_id,
    seen.issue_id is not null as is_seen,
    compared.state,
    compared.occurrence
from seen
full join compared on seen.issue_id = compared.issue_id
where
    (seen.issue_id is not null and coalesce(compared.state, 'closed') in ('closed', 'unknown'))
    or (seen.issue_id is null and compared.state <> 'closed')
