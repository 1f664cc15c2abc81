-- The newest evaluation and the time of the one before it; no row when there was none before.
with newest as (
    select run_id, run_at
    from evaluations
    order by run_at desc, started_at desc
    limit 1
)
select newest.run_id, newest.run_at, max(runs.run_at) as earlier_at
from runs
join newest on runs.run_at < newest.run_at
where runs.stage = 'evaluate' and runs.status in ('complete', 'partial')
group by newest.run_id, newest.run_at
