-- How far each subscription was told: the newest issue event that was looked at for it, the newest period that ended,
-- and the newest run.
select
    subscription,
    max(until_sequence) as until_sequence,
    max(period_end) as period_end,
    max(run_at) as run_at
from deliveries
where sequence = 1 and kind in ('digest', 'events', 'ticket', 'mark')
group by subscription
