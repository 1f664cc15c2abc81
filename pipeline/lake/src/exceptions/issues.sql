-- The issues as people see them: an open one that an exception covers is exempt, for as long as the exception lasts.
select
    recorded_issues.issue_id,
    case
        when recorded_issues.state = 'open' and exempt_issues.issue_id is not null then 'exempt'
        else recorded_issues.state
    end as state,
    recorded_issues.policy_id,
    recorded_issues.severity,
    recorded_issues.asset_type,
    recorded_issues.asset_id,
    recorded_issues.account_id,
    recorded_issues.region,
    recorded_issues.collected_in,
    recorded_issues.key,
    recorded_issues.reason,
    recorded_issues.evidence,
    recorded_issues.occurrence,
    recorded_issues.first_opened_at,
    recorded_issues.opened_at,
    recorded_issues.changed_at,
    recorded_issues.closed_at,
    recorded_issues.cause,
    recorded_issues.run_id,
    recorded_issues.sequence,
    case when recorded_issues.state = 'open' then exempt_issues.exception_id end as exception_id,
    case when recorded_issues.state = 'open' then exempt_issues.exempt_until end as exempt_until
from recorded_issues
left join exempt_issues on recorded_issues.issue_id = exempt_issues.issue_id
