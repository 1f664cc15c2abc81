-- Each current policy as it was judged last, in the group that is looked at (`*` is everything); a retired one is not here,
-- nor one without assets in the group. Reads `counts` and `viewed_issue_counts`. Counts are of assets, but for the issues.
-- `passing` and `unknown` of a policy that failed are none and all: nothing was judged. `compliance_percent` is PacBot's: whole
-- percent of assets without an open issue, unknown and exempt ones counted as passed, 100 without assets.
with judged as (
    select
        newest.*,
        counts.group_id,
        counts.assets as in_scope,
        case
            when newest.status = 'failed' then 0
            else counts.violating - least(coalesce(tracked.exempt_assets, 0), counts.violating)
        end as violates,
        case when newest.status = 'failed' then 0 else least(coalesce(tracked.exempt_assets, 0), counts.violating) end as exempts,
        case when newest.status = 'failed' then counts.assets else counts.unknown end as unknowns,
        coalesce(tracked.open_assets, 0) as open_assets,
        coalesce(tracked.open_issues, 0) as open_issues,
        coalesce(tracked.exempt_issues, 0) as exempt_issues,
        coalesce(tracked.unknown_issues, 0) as unknown_issues
    from newest_policy_runs as newest
    join counts on newest.policy_id = counts.policy_id
    left join viewed_issue_counts as tracked on counts.policy_id = tracked.policy_id and counts.group_id = tracked.group_id
)
select
    judged.group_id,
    judged.policy_id,
    judged.title,
    judged.severity,
    case judged.severity when 'critical' then 1 when 'high' then 2 when 'medium' then 3 else 4 end as severity_rank,
    case judged.severity when 'critical' then 10 when 'high' then 5 when 'medium' then 3 else 1 end as severity_weight,
    judged.category,
    judged.asset_type,
    judged.status,
    judged.error,
    judged.in_scope as assets,
    judged.violates as violating,
    judged.exempts as exempt,
    judged.unknowns as unknown,
    case
        when judged.status = 'failed' then 0
        else judged.in_scope - judged.violates - judged.exempts - judged.unknowns
    end as passing,
    judged.open_issues,
    judged.exempt_issues,
    judged.unknown_issues,
    case
        when judged.in_scope = 0 then 100
        else 100 * (judged.in_scope - least(judged.open_assets, judged.in_scope)) / judged.in_scope
    end as compliance_percent,
    array_length(judged.unknown_scopes) as unanswered_requests,
    judged.run_id,
    judged.evaluated_at
from judged
