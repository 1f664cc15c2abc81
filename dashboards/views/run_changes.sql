-- What the newest finished diff changed: one row per event, with names for people.
with newest as (
    select run_id
    from runs
    where stage = 'diff' and status in ('complete', 'partial')
    order by run_at desc, started_at desc
    limit 1
)
select issue_changes.*
from issue_changes
left semi join newest on issue_changes.run_id = newest.run_id
