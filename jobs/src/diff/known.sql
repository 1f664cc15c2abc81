-- What `issues` knows of the times of issues that have events which it has not. Reads `issues`, `issue_events` and `newest`, what
-- these events fold to; yields one row for each issue that is known.
--
-- An issue stays in its account, unless it opened again: then its asset may have come back in another one, and all accounts are
-- read. The small side of each join stands on the left, and is what is kept in memory.
with moved as (
    select distinct issue_id
    from issue_events
    where sequence > $folded and cause in ('reopened', 'judged_again')
),
stayed as (
    select newest.issue_id, newest.account_id
    from moved
    right anti join newest on moved.issue_id = newest.issue_id
    where newest.cause <> 'opened'
),
near as (
    -- What is joined by one column tells the scan which pages it may leave out.
    select issues.issue_id, issues.first_opened_at, issues.opened_at
    from (select distinct account_id from stayed) as accounts
    right semi join issues on accounts.account_id = issues.account_id
    union all
    select issue_id, first_opened_at, opened_at
    from issues
    where account_id is null
)
select near.issue_id, near.first_opened_at, near.opened_at
from stayed
right semi join near on stayed.issue_id = near.issue_id
union all
select issues.issue_id, issues.first_opened_at, issues.opened_at
from moved
right semi join issues on moved.issue_id = issues.issue_id
