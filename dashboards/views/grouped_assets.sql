-- The assets of each group, those of accounts included. Reads `whole_assets`: no lens limits it.
select
    'account:' || account_id as group_id, asset_type, asset_id, account_id, collected_in, region, unread
from whole_assets
union all
select
    named_members.group_id,
    whole_assets.asset_type,
    whole_assets.asset_id,
    whole_assets.account_id,
    whole_assets.collected_in,
    whole_assets.region,
    whole_assets.unread
from whole_assets
join named_members
    on whole_assets.asset_type = named_members.asset_type and whole_assets.asset_id = named_members.asset_id
