-- How many assets each group has of one type, scope and region that lack the same answers, those of accounts included: all that
-- policies without a limit need to know of the assets. Nearly all lack nothing, and a list is slow to group by. Reads
-- `whole_assets`: no lens limits it.
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
)
select 'account:' || account_id as group_id, asset_type, account_id, collected_in, region, unread, assets
from lacking
union all
select 'account:' || account_id as group_id, asset_type, account_id, collected_in, region, null as unread, assets
from complete
union all
select
    named_members.group_id,
    whole_assets.asset_type,
    whole_assets.account_id,
    whole_assets.collected_in,
    whole_assets.region,
    whole_assets.unread,
    count(*) as assets
from named_members
join whole_assets
    on named_members.asset_type = whole_assets.asset_type and named_members.asset_id = whole_assets.asset_id
group by
    named_members.group_id,
    whole_assets.asset_type,
    whole_assets.account_id,
    whole_assets.collected_in,
    whole_assets.region,
    whole_assets.unread
