-- The number of issues of each state and severity, none where there is none.
with states as (
    select * from (values ('open'), ('exempt'), ('unknown'), ('closed')) as named (state)
),
severities as (
    select * from (values ('critical'), ('high'), ('medium'), ('low')) as named (severity)
)
select states.state, severities.severity, count(issues.issue_id) as issues
from states
cross join severities
left join issues on issues.state = states.state and issues.severity = severities.severity
group by states.state, severities.severity
