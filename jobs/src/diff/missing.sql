-- The issues that are not closed and not seen. Reads `differing` and `before`.
with unseen as (
    select issue_id, account_id
    from differing
    where not is_seen
),
near as (
    -- What is joined by one column tells the scan which pages it may leave out.
    select before.*
    from (select distinct account_id from unseen) as accounts
    right semi join before on accounts.account_id = before.account_id
    union all
    select before.*
    from before
    where account_id is null
)
select near.*
from unseen
right semi join near on unseen.issue_id = near.issue_id
