-- How many collections count, the newest of everything and those that began since: one row, `collections`.
select count(distinct run_id) as collections
from runs
where stage = 'collect'
    and run_at >= (
        select coalesce(max(run_at), arrow_cast(0, 'Timestamp(Microsecond, Some("UTC"))'))
        from runs
        where stage = 'collect' and selection is null and status in ('complete', 'partial')
    )
