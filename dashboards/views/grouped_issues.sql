-- The issues of each group: those of its assets, and of assets that were in it when they were last seen.
select 'account:' || account_id as group_id, whole_issues.*
from whole_issues
union all
select member.group_id, whole_issues.*
from whole_issues
join (
    select group_id, asset_type, asset_id from group_members where group_id not like 'account:%'
    union
    select group_id, asset_type, asset_id from asset_group_members where left_at is not null
) as member
    on whole_issues.asset_type = member.asset_type and whole_issues.asset_id = member.asset_id
