-- Who owns what: one row per owner, with their groups. Reads the view `groups`.
select
    coalesce(owner_mail, '') as mail,
    coalesce(owner_slack, '') as slack,
    array_agg(group_id order by group_id) as group_ids,
    array_agg(coalesce(title, group_id) order by group_id) as titles
from groups
where (owner_mail is not null or owner_slack is not null) and ($group = '*' or group_id = $group)
group by coalesce(owner_mail, ''), coalesce(owner_slack, '')
order by mail, slack
