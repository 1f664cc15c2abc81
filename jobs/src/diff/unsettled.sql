-- How many policies have a result that was not compared, or issues and no result. Reads `judged`, `parts` and `issues`.
select count(*)
from (
    select judged.policy_id
    from judged
    left join (select policy_id, max(number) as number from parts group by policy_id) as last on judged.policy_id = last.policy_id
    where judged.settled_to < coalesce(last.number, 0)
    union all
    select held.policy_id
    from judged
    right anti join (select distinct policy_id from issues where state <> 'closed') as held on judged.policy_id = held.policy_id
)
