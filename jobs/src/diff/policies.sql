-- The policies that have issues, how many, how many of them are open, and what of these is to be compared: `all`, those of `some` accounts, or none. Of no
-- others an id is read. Reads `before` and `judged`.
select
    counted.policy_id,
    counted.issues,
    counted.open,
    case
        when judged.policy_id is null and (counted.left_open = 0 or not $is_full) then null
        when coalesce(judged.settled_to, -1) < 0 then 'all'
        when judged.settled_to < judged.newest then 'some'
    end as compared
from judged
right join (
    select
        policy_id,
        count(*) as issues,
        count(case when state = 'open' then 1 end) as open,
        count(case when state <> 'closed' then 1 end) as left_open
    from before
    group by policy_id
) as counted
    on judged.policy_id = counted.policy_id
