-- The issues that active exceptions cover, each once: by the exception that lasts longest. Reads `covered_issues`.
select issue_id, exception_id, exempt_until
from (
    select
        issue_id, exception_id, exempt_until,
        row_number() over (partition by issue_id order by exempt_until desc, exception_id) as place
    from covered_issues
)
where place = 1
