-- What a plan needs to know: of each job what has not ended, and every attempt at its newest time. An end beats the claim
-- that it ends, whatever the clocks of two machines say.
with ranked as (
    select
        *,
        row_number() over (
            partition by job, scheduled_for, attempt
            order by case when state = 'running' then 1 else 0 end, recorded_at desc
        ) as age
    from job_runs
    where state <> 'leads'
),
newest as (
    select *, max(case when trigger <> 'manual' then scheduled_for end) over (partition by job) as last_scheduled_for
    from ranked
    where age = 1
)
select
    job, scheduled_for, attempt, state, trigger, recorded_at, started_at, finished_at, exit_code, error, command, host,
    process, holder, term
from newest
where state = 'running' or (trigger <> 'manual' and scheduled_for = last_scheduled_for)
order by job, scheduled_for, attempt
