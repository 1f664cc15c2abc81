-- What the newest finished diff changed: its rows of `issue_events`.
select
    issue_events.*,
    case issue_events.severity when 'critical' then 1 when 'high' then 2 when 'medium' then 3 else 4 end as severity_rank
from newest_diff
right semi join issue_events on newest_diff.run_id = issue_events.run_id
