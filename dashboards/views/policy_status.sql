-- Each current policy as it was judged last, in the group that is looked at (`*` is everything); a retired one is not here,
-- nor one without assets in the group. Reads `counts` and `viewed_issues`. Counts are of assets, but for the issues. An asset
-- is exempt if all of its open issues of the policy are. `passing` and `unknown` of a policy that failed are none and all:
-- nothing was judged. `compliance_percent` is PacBot's: whole percent of assets without an open issue, unknown and exempt
-- ones counted as passed, 100 without assets.
with keyed as (
    select distinct policy_id
    from viewed_issues
    where key <> '' and state in ('open', 'exempt')
),
-- Of most policies an asset has one issue, and counting them is counting assets.
per_asset as (
    select issues.group_id, issues.policy_id, issues.state = 'open' as is_open
    from keyed
    right anti join viewed_issues as issues on keyed.policy_id = issues.policy_id
    where issues.state in ('open', 'exempt')
    union all
    select issues.group_id, issues.policy_id, bool_or(issues.state = 'open') as is_open
    from keyed
    right semi join viewed_issues as issues on keyed.policy_id = issues.policy_id
    where issues.state in ('open', 'exempt')
    group by issues.group_id, issues.policy_id, issues.asset_type, issues.asset_id
),
of_assets as (
    select
        group_id,
        policy_id,
        count(*) filter (where is_open) as open_assets,
        count(*) filter (where not is_open) as exempt_assets
    from per_asset
    group by group_id, policy_id
),
tracked as (
    select
        group_id,
        policy_id,
        count(*) filter (where state = 'open') as open_issues,
        count(*) filter (where state = 'exempt') as exempt_issues,
        count(*) filter (where state = 'unknown') as unknown_issues
    from viewed_issues
    group by group_id, policy_id
),
judged as (
    select
        newest.*,
        counts.group_id,
        counts.assets as in_scope,
        case
            when newest.status = 'failed' then 0
            else counts.violating - least(coalesce(of_assets.exempt_assets, 0), counts.violating)
        end as violates,
        case when newest.status = 'failed' then 0 else least(coalesce(of_assets.exempt_assets, 0), counts.violating) end as exempts,
        case when newest.status = 'failed' then counts.assets else counts.unknown end as unknowns,
        coalesce(of_assets.open_assets, 0) as open_assets
    from newest_policy_runs as newest
    join counts on newest.policy_id = counts.policy_id
    left join of_assets on counts.policy_id = of_assets.policy_id and counts.group_id = of_assets.group_id
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
    coalesce(tracked.open_issues, 0) as open_issues,
    coalesce(tracked.exempt_issues, 0) as exempt_issues,
    coalesce(tracked.unknown_issues, 0) as unknown_issues,
    case
        when judged.in_scope = 0 then 100
        else 100 * (judged.in_scope - least(judged.open_assets, judged.in_scope)) / judged.in_scope
    end as compliance_percent,
    array_length(judged.unknown_scopes) as unanswered_requests,
    judged.run_id,
    judged.evaluated_at
from judged
left join tracked on judged.policy_id = tracked.policy_id and judged.group_id = tracked.group_id
