-- What a subscription is told of the issues, after one diff and up to another: the first `$named` events of each kind,
-- the worst first, each with the number of all of its kind. Reads the view `issue_changes`.
with told as (
    select
        issue_changes.*,
        case
            when cause in ('opened', 'reopened') then cause
            when to_state = 'closed' then 'closed'
            when to_state = 'unknown' then 'not_covered'
        end as event
    from issue_changes
    where sequence > $after and sequence <= $until and severity_rank <= $rank
),
placed as (
    select
        told.*,
        row_number() over (partition by event order by severity_rank, policy_id, asset_id, key, sequence) as place,
        count(*) over (partition by event) as of_event
    from told
    where array_has($events, event)
)
select
    event, cause, issue_id, occurrence, severity, policy_id, title, account_id, account_name, region, asset_type,
    asset_id, asset_name, key, reason, at, sequence, of_event
from placed
where place <= $named
order by event, place
