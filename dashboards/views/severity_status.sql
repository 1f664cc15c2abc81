-- One row per severity, the worst first by `severity_rank`: policies, those with violations, and issues.
with ranks as (
    select * from (values ('critical', 1), ('high', 2), ('medium', 3), ('low', 4)) as ranked (severity, severity_rank)
),
policies as (
    select severity, count(*) as policies, count(*) filter (where violating > 0) as violated_policies
    from policy_status
    group by severity
),
tracked as (
    select
        severity,
        sum(issues) filter (where state = 'open') as open_issues,
        sum(issues) filter (where state = 'exempt') as exempt_issues,
        sum(issues) filter (where state = 'unknown') as unknown_issues
    from viewed_cells
    group by severity
)
select
    ranks.severity,
    ranks.severity_rank,
    coalesce(policies.policies, 0) as policies,
    coalesce(policies.violated_policies, 0) as violated_policies,
    coalesce(tracked.open_issues, 0) as open_issues,
    coalesce(tracked.exempt_issues, 0) as exempt_issues,
    coalesce(tracked.unknown_issues, 0) as unknown_issues
from ranks
left join policies on ranks.severity = policies.severity
left join tracked on ranks.severity = tracked.severity
