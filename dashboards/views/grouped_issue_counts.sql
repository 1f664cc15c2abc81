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
keyed as (
    select distinct policy_id
    from issue_cells
    where is_keyed and state in ('open', 'exempt')
),
-- Of most policies an asset has one issue, and counting them is counting assets.
several as (
    select 'account:' || whole_issues.account_id as group_id, whole_issues.policy_id, whole_issues.asset_type, whole_issues.asset_id, whole_issues.state
    from keyed
    right semi join whole_issues on keyed.policy_id = whole_issues.policy_id
    union all
    select of_members.group_id, of_members.policy_id, of_members.asset_type, of_members.asset_id, of_members.state
    from keyed
    right semi join of_members on keyed.policy_id = of_members.policy_id
),
per_asset as (
    select group_id, policy_id, bool_or(state = 'open') as is_open
    from several
    where state in ('open', 'exempt')
    group by group_id, policy_id, asset_type, asset_id
),
of_assets as (
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
    case when keyed.policy_id is null then tracked.open_issues else coalesce(of_assets.open_assets, 0) end as open_assets,
    case when keyed.policy_id is null then tracked.exempt_issues else coalesce(of_assets.exempt_assets, 0) end as exempt_assets
from tracked
left join keyed on tracked.policy_id = keyed.policy_id
left join of_assets on tracked.group_id = of_assets.group_id and tracked.policy_id = of_assets.policy_id
