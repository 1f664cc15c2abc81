-- The issues whose state may change, by their ids alone, since nearly all issues are as they were: those that are seen
-- (`is_seen`) and were not open, with what they were, and those that are not seen and were not closed, with their account. Reads `found` and
-- `compared`, of each the ids from `$first` up to `$end`.
with seen as (
    select issue_id
    from found
    where is_one_each and issue_id >= $first and issue_id < $end
    union all
    select distinct issue_id
    from found
    where not is_one_each and issue_id >= $first and issue_id < $end
),
known as (
    select issue_id, account_id, state, occurrence
    from compared
    where issue_id >= $first and issue_id < $end
)
select
    coalesce(seen.issue_id, known.issue_id) as issue_id,
    seen.issue_id is not null as is_seen,
    known.account_id,
    known.state,
    known.occurrence
from seen
full join known on seen.issue_id = known.issue_id
where
    (seen.issue_id is not null and coalesce(known.state, 'closed') in ('closed', 'unknown'))
    or (seen.issue_id is null and known.state <> 'closed')
