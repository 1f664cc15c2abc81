-- The issues that are compared: those of policies of which nothing is settled or that are not judged any more, and of accounts
-- that were judged since. Reads `policies`, `judged`, `again` and `before` (the state of each issue).
with unsettled as (
    select policy_id
    from policies
    where compared = 'all'
),
renewed as (
    select again.policy_id, again.account_id
    from again
    join judged on again.policy_id = judged.policy_id
    where judged.settled_to >= 0 and again.number > judged.settled_to
)
select before.issue_id, before.account_id, before.state, before.occurrence
from unsettled
right semi join before on unsettled.policy_id = before.policy_id
union all
select before.issue_id, before.account_id, before.state, before.occurrence
from renewed
right semi join (
    -- What is joined by one column tells the scan which pages it may leave out.
    (select distinct account_id from renewed) as accounts
    right semi join before on accounts.account_id = before.account_id
)
    on renewed.policy_id = before.policy_id and renewed.account_id = before.account_id
