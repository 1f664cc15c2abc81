-- Fixes that people were warned of and that are still to come, one row per issue: its newest warning (`warning` of
-- `warnings`), and `due_at`, before which nothing is changed.
with newest as (
    select
        *,
        row_number() over (partition by issue_id, occurrence order by sequence desc) as age
    from fix_events
    where event in ('warned', 'verified', 'failed', 'undone', 'undo_failed')
)
select
    newest.issue_id,
    newest.occurrence,
    newest.policy_id,
    newest.fix,
    newest.asset_type,
    newest.asset_id,
    newest.account_id,
    newest.region,
    newest.due_at,
    newest.number as warning,
    newest.of as warnings
from newest
join issues on newest.issue_id = issues.issue_id and newest.occurrence = issues.occurrence
where newest.age = 1 and newest.event = 'warned' and issues.state = 'open'
