-- The events of the issues of some groups' assets.
select issue_events.*
from issue_events
left semi join (select asset_type, asset_id from group_members where array_has($groups, group_id)) as members
    on issue_events.asset_type = members.asset_type and issue_events.asset_id = members.asset_id
