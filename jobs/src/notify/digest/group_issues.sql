-- The issues of some groups' assets.
select issues.*
from issues
left semi join (select asset_type, asset_id from group_members where array_has($groups, group_id)) as members
    on issues.asset_type = members.asset_type and issues.asset_id = members.asset_id
