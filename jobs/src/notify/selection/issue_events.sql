-- What a subscription is told of the issues, after one diff and up to another: the first `$named` events of each kind,
-- the worst first, each with the number of all of its kind (`of_kind`). Reads `issue_events`.
with changed as (
    select
        case
            when cause in ('opened', 'reopened') then cause
            when to_state = 'closed' then 'closed'
            when to_state = 'unknown' then 'not_covered'
        end as kind,
        issue_id, sequence, policy_id, asset_id, key,
        case severity when 'critical' then 1 when 'high' then 2 when 'medium' then 3 else 4 end as severity_rank
    from issue_events
    where sequence > $after and sequence <= $until
),
told as (
    select *
    from changed
    where severity_rank <= $rank and array_has($events, kind)
),
counted as (
    select kind, count(*) as of_kind
    from told
    group by kind
),
placed as (
    select
        kind, issue_id, sequence,
        row_number() over (partition by kind order by severity_rank, policy_id, asset_id, key, sequence) as place
    from told
)
select placed.kind, placed.issue_id, placed.sequence, counted.of_kind
from counted
join placed on counted.kind = placed.kind
where placed.place <= $named
order by placed.kind, placed.place
