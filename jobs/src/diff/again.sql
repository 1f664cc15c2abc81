-- The accounts that were judged again, and the last part that did. Reads `parts`.
select parts.policy_id, judged_accounts.account_id, max(parts.number) as number
from (select * from parts where number > 0) as parts
join judged_accounts on parts.policy_id = judged_accounts.policy_id and parts.run_id = judged_accounts.run_id
group by parts.policy_id, judged_accounts.account_id
