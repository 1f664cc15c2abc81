-- Exceptions that hold now and end by `$until`, the earliest first, and how many issues open again then. Of a group, those
-- that cover an issue of it. Reads the view `exceptions_status`.
with covered as (
    select exception_id, count(*) as issues
    from issues
    where state = 'exempt'
    group by exception_id
)
select
    exceptions_status.exception_id,
    exceptions_status.until_at,
    exceptions_status.reason,
    exceptions_status.policies,
    coalesce(covered.issues, 0) as issues
from exceptions_status
left join covered on exceptions_status.exception_id = covered.exception_id
cross join lens
where exceptions_status.state = 'active'
    and exceptions_status.until_at <= $until
    and (lens.group_id = '*' or covered.exception_id is not null)
order by exceptions_status.until_at, exceptions_status.exception_id
