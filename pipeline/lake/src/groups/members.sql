-- The rows of `asset_group_members` as they should be now. Reads `members_before` (the rows as they are), `named_members`,
-- `groups` and `assets`. Who is in a group keeps the time of joining; who is gone keeps the last row of each group that still
-- exists; who left while it exists has none.
with present as (
    select group_id, asset_type, asset_id, account_id, region
    from named_members
),
gone as (
    select members_before.*
    from members_before
    left anti join assets
        on members_before.asset_type = assets.asset_type and members_before.asset_id = assets.asset_id
    where members_before.group_id in (select group_id from groups)
)
select
    present.group_id,
    present.asset_type,
    present.asset_id,
    present.account_id,
    present.region,
    coalesce(members_before.joined_at, $at) as joined_at,
    arrow_cast(null, 'Timestamp(Microsecond, Some("UTC"))') as left_at,
    coalesce(members_before.run_id, $run_id) as run_id
from present
left join members_before
    on present.group_id = members_before.group_id
    and present.asset_type = members_before.asset_type
    and present.asset_id = members_before.asset_id
    and members_before.left_at is null
union all
select
    group_id,
    asset_type,
    asset_id,
    account_id,
    region,
    joined_at,
    coalesce(left_at, $at) as left_at,
    run_id
from gone
