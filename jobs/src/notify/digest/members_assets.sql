-- The assets of some groups. Reads `assets` and `group_members`; `$groups` are the groups' ids.
select assets.*
from assets
left semi join (select asset_type, asset_id from group_members where array_has($groups, group_id)) as members
    on assets.asset_type = members.asset_type and assets.asset_id = members.asset_id
