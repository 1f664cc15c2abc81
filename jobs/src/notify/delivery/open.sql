-- Messages that are still to be sent, in the order in which they were queued, with what they say.
with newest as (
    select *
    from (
        select deliveries.*, row_number() over (partition by message_id order by sequence desc) as age
        from deliveries
    )
    where age = 1 and state in ('queued', 'claimed', 'failed')
),
queued as (
    select message_id, content, at as queued_at
    from deliveries
    where sequence = 1
)
select
    newest.message_id, newest.sequence, newest.at, newest.state, newest.attempt, newest.may_repeat, newest.error,
    newest.receipt, newest.subscription, newest.kind, newest.channel, newest.recipient, newest.subject, newest.run_id,
    newest.run_at, newest.until_sequence, newest.period_end, newest.told, newest.host, newest.process, queued.content,
    queued.queued_at
from newest
join queued on newest.message_id = queued.message_id
order by queued.queued_at, newest.until_sequence, newest.message_id
