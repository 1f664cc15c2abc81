-- Each message to people as it stands now: its newest transition, with when it was queued.
select
    message_id, state, at as changed_at, queued_at, attempt, may_repeat, error, receipt, subscription, kind, channel,
    recipient, subject, run_id, run_at, period_end
from (
    select
        deliveries.*,
        row_number() over (partition by message_id order by sequence desc) as age,
        min(at) over (partition by message_id) as queued_at
    from deliveries
)
where age = 1
