-- What one evaluation changes about the issues. Reads `judged`, `opening`, `missing` and `asset` (the steps before), `coverage`,
-- `asset_group_members` and `pins` (asset_type, table_version) of the snapshot that was judged; yields the columns
-- of `issue_events`, one row for each issue whose state changes.
--
-- An issue closes only if its asset was judged and does not violate any more (fixed), its scope was answered whole
-- without the asset (asset_gone), or a person withdrew the scope (out_of_scope) or the policy (policy_retired). All else
-- that is missing is unknown.
--
-- The small side of each join stands on the left, and is what is kept in memory.
with answer as (
    select account_id, region, asset_type, status
    from (
        select
            account_id, region, asset_type, status,
            row_number() over (partition by account_id, region, asset_type order by collected_at desc, run_id desc) as age
        from coverage
        where request = 'list' and collected_at <= $at and (collected_at >= $since or status = 'withdrawn')
    )
    where age = 1
),
blind as (
    select policy_id, scope['asset_type'] as asset_type, scope['account_id'] as account_id, scope['collected_in'] as collected_in
    from (select policy_id, unnest(blind_scopes) as scope from judged)
),
outside as (
    select policy_id, place['account_id'] as account_id, place['region'] as region
    from (select policy_id, unnest(outside) as place from judged)
),
unread as (
    select policy_id, item['asset_type'] as asset_type, item['request'] as request
    from (select policy_id, unnest(unread) as item from judged)
),
grouped as (
    select policy_id, unnest(groups) as group_id
    from judged
),
in_group as (
    select distinct missing.issue_id
    from missing
    join grouped on missing.policy_id = grouped.policy_id
    left join asset_group_members as member
        on grouped.group_id = member.group_id
        and missing.asset_type = member.asset_type
        and missing.asset_id = member.asset_id
        and member.left_at is null
    where member.asset_id is not null or grouped.group_id = 'account:' || missing.account_id
),
hidden as (
    select distinct missing.issue_id
    from missing
    join (select asset_type, asset_id, unnest(unread) as request from asset) as of_asset
        on missing.asset_type = of_asset.asset_type and missing.asset_id = of_asset.asset_id
    join unread
        on missing.policy_id = unread.policy_id
        and of_asset.asset_type = unread.asset_type
        and of_asset.request = unread.request
),
verdict as (
    select
        missing.*,
        case
            when judged.policy_id is null then 'policy_retired'
            when asset.asset_id is null and answer.status = 'complete' then 'asset_gone'
            when asset.asset_id is null and answer.status = 'withdrawn' then 'out_of_scope'
            when asset.asset_id is null then 'not_covered'
            when outside.policy_id is not null then 'out_of_scope'
            when array_length(judged.groups) > 0 and in_group.issue_id is null then 'out_of_scope'
            when judged.status = 'failed' then 'policy_failed'
            when blind.policy_id is not null or hidden.issue_id is not null then 'not_covered'
            else 'fixed'
        end as verdict
    from in_group
    right join (
        hidden
        right join (
            outside
            right join (
                blind
                right join (
                    answer
                    right join (
                        asset
                        right join (
                            judged
                            right join missing on judged.policy_id = missing.policy_id
                        )
                            on asset.asset_type = missing.asset_type and asset.asset_id = missing.asset_id
                    )
                        on answer.asset_type = missing.asset_type
                        and answer.account_id = missing.account_id
                        and answer.region = missing.collected_in
                )
                    on blind.policy_id = missing.policy_id
                    and blind.asset_type = asset.asset_type
                    and blind.account_id = asset.account_id
                    and blind.collected_in = asset.collected_in
            )
                on outside.policy_id = missing.policy_id
                and outside.account_id = asset.account_id
                and outside.region = asset.region
        )
            on hidden.issue_id = missing.issue_id
    )
        on in_group.issue_id = missing.issue_id
    where judged.policy_id is not null or $is_full
),
-- An issue is told by the first of its violations.
seen as (
    select
        issue_id, state, occurrence, policy_id, severity, asset_type, asset_id, account_id, region, collected_in, key, reason, evidence
    from opening
    where is_one_each
    union all
    select
        issue_id, state, occurrence, policy_id, severity, asset_type, asset_id, account_id, region, collected_in, key, reason, evidence
    from (
        select *, row_number() over (partition by issue_id order by reason, evidence) as place
        from opening
        where not is_one_each
    )
    where place = 1
),
opened as (
    select
        issue_id,
        state as from_state,
        'open' as to_state,
        case
            when state is null then 'opened'
            when state = 'closed' then 'reopened'
            else 'judged_again'
        end as cause,
        case
            when state is null then cast(1 as bigint)
            when state = 'closed' then occurrence + 1
            else occurrence
        end as occurrence,
        policy_id, severity, asset_type, asset_id, account_id, region, collected_in, key, reason, evidence
    from seen
),
left_open as (
    select
        issue_id,
        state as from_state,
        case when verdict in ('not_covered', 'policy_failed') then 'unknown' else 'closed' end as to_state,
        verdict as cause,
        occurrence,
        policy_id, severity, asset_type, asset_id, account_id, region, collected_in, key, reason, evidence
    from verdict
    where not (state = 'unknown' and verdict in ('not_covered', 'policy_failed'))
),
changed as (
    select * from opened
    union all
    select * from left_open
)
select
    changed.issue_id,
    cast($sequence as bigint) as sequence,
    cast($run_id as varchar) as run_id,
    $at as at,
    changed.from_state,
    changed.to_state,
    changed.cause,
    'pacbot' as actor,
    changed.occurrence,
    changed.policy_id,
    changed.severity,
    changed.asset_type,
    changed.asset_id,
    changed.account_id,
    changed.region,
    changed.collected_in,
    changed.key,
    changed.reason,
    changed.evidence,
    pins.table_version
from pins
right join changed on pins.asset_type = changed.asset_type
