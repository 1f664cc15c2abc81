-- Assets of each policy in each group, counted anew: `assets` in scope, those that were `violating` (exempt ones too), and
-- `unknown` ones. Assets of one type, scope and region that lack the same answers are one cell, so that all policies and
-- groups together cost little more than one look at the assets; nearly all lack none, and a list is slow to group by. Policies without assets in a group have no row there.
with lacking as (
    select asset_type, account_id, collected_in, region, unread, count(*) as assets
    from whole_assets
    where unread is not null
    group by asset_type, account_id, collected_in, region, unread
),
complete as (
    select asset_type, account_id, collected_in, region, count(*) as assets
    from whole_assets
    where unread is null
    group by asset_type, account_id, collected_in, region
),
cells as (
    select 'account:' || account_id as group_id, asset_type, account_id, collected_in, region, unread, assets
    from lacking
    union all
    select 'account:' || account_id as group_id, asset_type, account_id, collected_in, region, null as unread, assets
    from complete
    union all
    select
        group_members.group_id,
        whole_assets.asset_type,
        whole_assets.account_id,
        whole_assets.collected_in,
        whole_assets.region,
        whole_assets.unread,
        count(*) as assets
    from group_members
    join whole_assets
        on group_members.asset_type = whole_assets.asset_type and group_members.asset_id = whole_assets.asset_id
    where group_members.group_id not like 'account:%'
    group by
        group_members.group_id,
        whole_assets.asset_type,
        whole_assets.account_id,
        whole_assets.collected_in,
        whole_assets.region,
        whole_assets.unread
),
unlimited as (
    select policy_id, asset_type
    from newest_policy_runs
    where coalesce(array_length(groups), 0) = 0
),
judged as (
    select unlimited.policy_id, cells.*
    from unlimited
    join cells on unlimited.asset_type = cells.asset_type
    union all
    select unlimited.policy_id, cells.*
    from (select policy_id from unlimited where asset_type = 'assets') as unlimited
    cross join cells
    union all
    select policy_id, group_id, asset_type, account_id, collected_in, region, unread, count(*) as assets
    from (
        select distinct
            limited.policy_id,
            grouped_assets.group_id,
            grouped_assets.asset_type,
            grouped_assets.asset_id,
            grouped_assets.account_id,
            grouped_assets.collected_in,
            grouped_assets.region,
            grouped_assets.unread
        from (select policy_id, asset_type as judges, unnest(groups) as limit_id from newest_policy_runs) as limited
        join group_members on limited.limit_id = group_members.group_id
        join grouped_assets
            on group_members.asset_type = grouped_assets.asset_type and group_members.asset_id = grouped_assets.asset_id
        where limited.judges = 'assets' or limited.judges = grouped_assets.asset_type
    )
    group by policy_id, group_id, asset_type, account_id, collected_in, region, unread
),
outside as (
    select policy_id, place['account_id'] as account_id, place['region'] as region
    from (select policy_id, unnest(outside) as place from newest_policy_runs)
),
blind as (
    select distinct
        policy_id, scope['asset_type'] as asset_type, scope['account_id'] as account_id, scope['collected_in'] as collected_in
    from (select policy_id, unnest(blind_scopes) as scope from newest_policy_runs)
),
asked as (
    select policy_id, item['asset_type'] as asset_type, array_agg(item['request']) as requests
    from (select policy_id, unnest(unread) as item from newest_policy_runs)
    group by policy_id, item['asset_type']
),
counted as (
    select
        judged.group_id,
        judged.policy_id,
        sum(judged.assets) as assets,
        sum(
            case
                when blind.policy_id is not null or coalesce(array_has_any(judged.unread, asked.requests), false)
                    then judged.assets
                else 0
            end
        ) as unknown
    from judged
    left anti join outside
        on judged.policy_id = outside.policy_id and judged.account_id = outside.account_id and judged.region = outside.region
    left join blind
        on judged.policy_id = blind.policy_id
        and judged.asset_type = blind.asset_type
        and judged.account_id = blind.account_id
        and judged.collected_in = blind.collected_in
    left join asked on judged.policy_id = asked.policy_id and judged.asset_type = asked.asset_type
    group by judged.group_id, judged.policy_id
),
found as (
    select
        violations.policy_id, violations.asset_type, violations.asset_id, violations.account_id,
        newest_policy_runs.violations = newest_policy_runs.violating as is_one_each
    from violations
    join newest_policy_runs
        on violations.policy_id = newest_policy_runs.policy_id
        and violations.run_id = coalesce(newest_policy_runs.found_in, newest_policy_runs.run_id)
),
grouped as (
    select 'account:' || account_id as group_id, policy_id, asset_id, is_one_each
    from found
    union all
    select group_members.group_id, found.policy_id, found.asset_id, found.is_one_each
    from found
    join group_members on found.asset_type = group_members.asset_type and found.asset_id = group_members.asset_id
    where group_members.group_id not like 'account:%'
),
-- Of most policies an asset has one violation, and counting them is counting assets.
violated as (
    select group_id, policy_id, count(*) as violating
    from grouped
    where is_one_each
    group by group_id, policy_id
    union all
    select group_id, policy_id, count(distinct asset_id) as violating
    from grouped
    where not is_one_each
    group by group_id, policy_id
)
select
    counted.group_id,
    counted.policy_id,
    counted.assets,
    coalesce(violated.violating, 0) as violating,
    counted.unknown
from counted
left join violated on counted.group_id = violated.group_id and counted.policy_id = violated.policy_id
