-- Exceptions that hold now and end by `$until`, the earliest first. Reads the view `exceptions_status`.
select exception_id, until_at, reason, policies, issues
from exceptions_status
where state in ('active', 'granted') and until_at > $now and until_at <= $until
order by until_at, exception_id
