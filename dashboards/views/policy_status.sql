-- Each current policy as it was judged last; a retired one is not here. Counts are of assets, but for the issues.
-- `passing` and `unknown` of a policy that failed are none and all: nothing was judged. `compliance_percent` is
-- PacBot's: whole percent of assets without an open issue, unknown and exempt ones counted as passed, 100 without assets.
with newest as (
    select *
    from (
        select
            policy_runs.*,
            row_number() over (partition by policy_id order by evaluations.run_at desc, evaluations.started_at desc) as age
        from policy_runs
        join evaluations on policy_runs.run_id = evaluations.run_id
    )
    where age = 1
),
tracked as (
    select
        policy_id,
        count(*) filter (where state = 'open') as open_issues,
        count(*) filter (where state = 'unknown') as unknown_issues,
        count(distinct case when state = 'open' then asset_id end) as open_assets
    from issues
    group by policy_id
)
select
    newest.policy_id,
    newest.title,
    newest.severity,
    case newest.severity when 'critical' then 1 when 'high' then 2 when 'medium' then 3 else 4 end as severity_rank,
    case newest.severity when 'critical' then 10 when 'high' then 5 when 'medium' then 3 else 1 end as severity_weight,
    newest.category,
    newest.asset_type,
    newest.status,
    newest.error,
    newest.assets,
    case when newest.status = 'failed' then 0 else newest.violating end as violating,
    case when newest.status = 'failed' then 0 else newest.exempt end as exempt,
    case when newest.status = 'failed' then newest.assets else newest.unknown end as unknown,
    case
        when newest.status = 'failed' then 0
        else newest.assets - newest.violating - newest.exempt - newest.unknown
    end as passing,
    coalesce(tracked.open_issues, 0) as open_issues,
    coalesce(tracked.unknown_issues, 0) as unknown_issues,
    case
        when newest.assets = 0 then 100
        else 100 * (newest.assets - least(coalesce(tracked.open_assets, 0), newest.assets)) / newest.assets
    end as compliance_percent,
    array_length(newest.unknown_scopes) as unanswered_requests,
    newest.run_id,
    newest.evaluated_at
from newest
left join tracked on newest.policy_id = tracked.policy_id
