-- The transitions of issues after one diff and up to another: the first `$named` of each cause, the worst first, each
-- with the number of all that have its cause (`of_kind`). Reads `issue_events`.
with changed as (
    select
        cause as kind, issue_id, sequence, policy_id, asset_id, key,
        case severity when 'critical' then 1 when 'high' then 2 when 'medium' then 3 else 4 end as severity_rank
    from issue_events
    where sequence > $after and sequence <= $until
),
counted as (
    select kind, count(*) as of_kind
    from changed
    group by kind
),
placed as (
    select
        kind, issue_id, sequence,
        row_number() over (partition by kind order by severity_rank, policy_id, asset_id, key, sequence) as place
    from changed
)
select placed.kind, placed.issue_id, placed.sequence, counted.of_kind
from counted
join placed on counted.kind = placed.kind
where placed.place <= $named
order by placed.kind, placed.place
