-- The rows of a collection (`collected`), with the time of the last whole answer to each request. Reads `gaps`, those of them that
-- are no whole answer, and `recent_coverage`, from before them.
with last_answer as (
    select before.account_id, before.region, before.asset_type, before.request, max(before.answered_at) as answered_at
    from gaps
    join recent_coverage as before
        on gaps.account_id = before.account_id
        and gaps.region = before.region
        and gaps.asset_type = before.asset_type
        and gaps.request = before.request
    group by before.account_id, before.region, before.asset_type, before.request
)
select collected.* except (answered_at), coalesce(collected.answered_at, last_answer.answered_at) as answered_at
from last_answer
right join collected
    on last_answer.account_id = collected.account_id
    and last_answer.region = collected.region
    and last_answer.asset_type = collected.asset_type
    and last_answer.request = collected.request
