-- Issues of each policy in each group, those of accounts included: those of its assets, and of assets that were in it when
-- they were last seen. `open_assets` and `exempt_assets` are assets: one is exempt if all of its open issues of the policy are.
with member as (
    select group_id, asset_type, asset_id from named_members
    union
    select group_id, asset_type, asset_id from asset_group_members where left_at is not null
),
of_members as (
    select member.group_id, whole_issues.policy_id, whole_issues.asset_type, whole_issues.asset_id, whole_issues.state
    from member
    join whole_issues on member.asset_type = whole_issues.asset_type and member.asset_id = whole_issues.asset_id
    where whole_issues.state <> 'closed'
),
counted as (
    select 'account:' || account_id as group_id, policy_id, state, issues
    from issue_cells
    where state <> 'closed'
    union all
    select group_id, policy_id, state, count(*) as issues
    from of_members
    group by group_id, policy_id, state
),
tracked as (
    select
        group_id,
        policy_id,
        sum(case when state = 'open' then issues else 0 end) as open_issues,
        sum(case when state = 'exempt' then issues else 0 end) as exempt_issues,
        sum(case when state = 'unknown' then issues else 0 end) as unknown_issues
    from counted
    group by group_id, policy_id
),
-- Of most policies an asset has one issue, and counting them is counting assets.
keyed as (
    select distinct policy_id
    from keyed_assets
),
per_asset as (
    select of_members.group_id, of_members.policy_id, bool_or(of_members.state = 'open') as is_open
    from keyed
    right semi join of_members on keyed.policy_id = of_members.policy_id
    where of_members.state in ('open', 'exempt')
    group by of_members.group_id, of_members.policy_id, of_members.asset_type, of_members.asset_id
),
of_assets as (
    select 'account:' || account_id as group_id, policy_id, open_assets, exempt_assets
    from keyed_assets
    union all
    select
        group_id,
        policy_id,
        count(*) filter (where is_open) as open_assets,
        count(*) filter (where not is_open) as exempt_assets
    from per_asset
    group by group_id, policy_id
)
select
    tracked.group_id,
    tracked.policy_id,
    tracked.open_issues,
    tracked.exempt_issues,
    tracked.unknown_issues,
    -- Where no row says otherwise, an asset has one issue, or none is open.
    coalesce(of_assets.open_assets, tracked.open_issues) as open_assets,
    coalesce(of_assets.exempt_assets, tracked.exempt_issues) as exempt_assets
from tracked
left join of_assets on tracked.group_id = of_assets.group_id and tracked.policy_id = of_assets.policy_id
