-- The finished evaluations whose results count: the newest of all policies, and those of some policies since.
-- run_id, run_at, started_at, assets (those in the lake, as far as the evaluation noted it).
with finished as (
    select
        run_id, run_at, started_at, assets, selection,
        row_number() over (partition by selection is null order by run_at desc, started_at desc) as age
    from runs
    where stage = 'evaluate' and status in ('complete', 'partial')
),
newest as (
    select run_at, started_at
    from finished
    where selection is null and age = 1
)
select finished.run_id, finished.run_at, finished.started_at, finished.assets
from finished
left join newest on true
where newest.run_at is null
    or finished.run_at > newest.run_at
    or (finished.run_at = newest.run_at and finished.started_at >= newest.started_at)
