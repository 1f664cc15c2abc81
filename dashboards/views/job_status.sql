-- Each job's newest run: one row per job that ever ran. A time that was skipped is no run.
select job, scheduled_for, attempt, state, trigger, started_at, finished_at, seconds, exit_code, error
from (
    select
        job_history.*,
        row_number() over (partition by job order by started_at desc, attempt desc) as age
    from job_history
    where state <> 'skipped'
)
where age = 1
