-- The issues whose state may change, by their ids alone, since nearly all issues are as they were: those that are seen
-- (`is_seen`) and were not open, with what they were, and those that are not seen and were not closed. Reads `found`, `judged`
-- and `before` (the state of each issue).
with seen as (
    select issue_id
    from found
    where is_one_each
    union all
    select distinct issue_id
    from found
    where not is_one_each
),
compared as (
    select before.issue_id, before.state, before.occurrence
    from (select policy_id from judged where is_settled) as settled
    right anti join before on settled.policy_id = before.policy_id
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
