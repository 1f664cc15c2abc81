-- Every run of every job, and every time that was skipped: one row per job, time and attempt, as it stands. An end beats
-- the claim that it ends, whatever the clocks of two machines say.
select
    job, scheduled_for, attempt, state, trigger, started_at, finished_at,
    (cast(finished_at as bigint) - cast(started_at as bigint)) / 1000000.0 as seconds,
    exit_code, error, command, host, process, holder, term
from (
    select
        job_runs.*,
        row_number() over (
            partition by job, scheduled_for, attempt
            order by case when state = 'running' then 1 else 0 end, recorded_at desc
        ) as age
    from job_runs
    where state not in ('known', 'leads')
)
where age = 1
