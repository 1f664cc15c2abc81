-- The assets of each group, those of accounts included. Reads `whole_assets`: no lens limits it.
select
    'account:' || account_id as group_id, asset_type, asset_id, account_id, collected_in, region, unread
from whole_assets
union all
select
    group_members.group_id,
    whole_assets.asset_type,
    whole_assets.asset_id,
    whole_assets.account_id,
    whole_assets.collected_in,
    whole_assets.region,
    whole_assets.unread
from whole_assets
join group_members
    on whole_assets.asset_type = group_members.asset_type and whole_assets.asset_id = group_members.asset_id
where group_members.group_id not like 'account:%'
