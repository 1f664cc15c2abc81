-- Assets of each policy in each group, counted anew: `assets` in scope, those that were `violating` (exempt ones too), and
-- `unknown` ones. Policies without assets in a group have no row there.
with unlimited as (
    select policy_id, asset_type
    from newest_policy_runs
    where coalesce(array_length(groups), 0) = 0
),
judged as (
    select unlimited.policy_id, grouped_cells.*
    from unlimited
    join grouped_cells on unlimited.asset_type = grouped_cells.asset_type
    union all
    select unlimited.policy_id, grouped_cells.*
    from (select policy_id from unlimited where asset_type = 'assets') as unlimited
    cross join grouped_cells
    union all
    select policy_id, group_id, asset_type, account_id, collected_in, region, unread, assets
    from limited_cells
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
    -- The small side of each join stands on the left, and is what is kept in memory.
    from asked
    right join (
        blind
        right join (
            outside
            right anti join judged
                on outside.policy_id = judged.policy_id and outside.account_id = judged.account_id and outside.region = judged.region
        )
            on blind.policy_id = judged.policy_id
            and blind.asset_type = judged.asset_type
            and blind.account_id = judged.account_id
            and blind.collected_in = judged.collected_in
    )
        on asked.policy_id = judged.policy_id and asked.asset_type = judged.asset_type
    group by judged.group_id, judged.policy_id
),
result as (
    select policy_id, violations = violating as is_one_each
    from newest_policy_runs
),
found as (
    select
        newest_violations.policy_id, newest_violations.asset_type, newest_violations.asset_id, newest_violations.account_id,
        result.is_one_each
    from newest_violations
    join result on newest_violations.policy_id = result.policy_id
),
of_named as (
    select named_members.group_id, found.policy_id, found.asset_id, found.is_one_each
    from named_members
    join found on named_members.asset_type = found.asset_type and named_members.asset_id = found.asset_id
),
-- Of most policies an asset has one violation, and counting them is counting assets.
violated as (
    select 'account:' || violation_cells.account_id as group_id, violation_cells.policy_id, violation_cells.violations as violating
    from result
    join violation_cells on result.policy_id = violation_cells.policy_id
    where result.is_one_each
    union all
    select 'account:' || account_id as group_id, policy_id, count(distinct asset_id) as violating
    from found
    where not is_one_each
    group by account_id, policy_id
    union all
    select group_id, policy_id, count(*) as violating
    from of_named
    where is_one_each
    group by group_id, policy_id
    union all
    select group_id, policy_id, count(distinct asset_id) as violating
    from of_named
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
