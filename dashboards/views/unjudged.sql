-- What is not known, of a group in the accounts of its assets: requests that were not answered whole, why, since when (`answered_at` is the last time that they
-- were), and how many current policies they keep from judging something.
with kept as (
    select gap['account_id'] as account_id, gap['region'] as region, gap['asset_type'] as asset_type, gap['request'] as request, policy_id
    from (
        select newest_policy_runs.policy_id, unnest(newest_policy_runs.unknown_scopes) as gap
        from newest_policy_runs
        left semi join viewed_policies on newest_policy_runs.policy_id = viewed_policies.policy_id
    )
),
counted as (
    select account_id, region, asset_type, request, count(distinct policy_id) as policies
    from kept
    group by account_id, region, asset_type, request
)
select
    answers.account_id, answers.account_name, answers.region, answers.asset_type, answers.request, answers.status,
    answers.error_code, answers.error, answers.missing_permission, answers.answered_at,
    coalesce(counted.policies, 0) as policies
from answers
left join counted
    on answers.account_id = counted.account_id
    and answers.region = counted.region
    and answers.asset_type = counted.asset_type
    and answers.request = counted.request
left semi join viewed_accounts on answers.account_id = viewed_accounts.account_id
where answers.status not in ('complete', 'skipped', 'withdrawn')
