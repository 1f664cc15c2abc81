-- Issues of each policy in each group, those of accounts included: those of its assets, and of assets that were in it when
-- they were last seen. `open_assets` and `exempt_assets` are assets: one is exempt if all of its open issues of the policy are.
with member as (
    select group_id, asset_type, asset_id from named_members
    union
    select group_id, asset_type, asset_id from asset_group_members where left_at is not null
),
owned as (
    select 'account:' || account_id as group_id, policy_id, asset_type, asset_id, key, state
    from whole_issues
    where state <> 'closed'
    union all
    select
        member.group_id,
        whole_issues.policy_id,
        whole_issues.asset_type,
        whole_issues.asset_id,
        whole_issues.key,
        whole_issues.state
    from member
    join whole_issues on member.asset_type = whole_issues.asset_type and member.asset_id = whole_issues.asset_id
    where whole_issues.state <> 'closed'
),
keyed as (
    select distinct policy_id
    from whole_issues
    where key <> '' and state in ('open', 'exempt')
),
-- Of most policies an asset has one issue, and counting them is counting assets.
per_asset as (
    select owned.group_id, owned.policy_id, owned.state = 'open' as is_open
    from keyed
    right anti join owned on keyed.policy_id = owned.policy_id
    where owned.state in ('open', 'exempt')
    union all
    select owned.group_id, owned.policy_id, bool_or(owned.state = 'open') as is_open
    from keyed
    right semi join owned on keyed.policy_id = owned.policy_id
    where owned.state in ('open', 'exempt')
    group by owned.group_id, owned.policy_id, owned.asset_type, owned.asset_id
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
    from owned
    group by group_id, policy_id
)
select
    tracked.group_id,
    tracked.policy_id,
    tracked.open_issues,
    tracked.exempt_issues,
    tracked.unknown_issues,
    coalesce(of_assets.open_assets, 0) as open_assets,
    coalesce(of_assets.exempt_assets, 0) as exempt_assets
from tracked
left join of_assets on tracked.group_id = of_assets.group_id and tracked.policy_id = of_assets.policy_id
