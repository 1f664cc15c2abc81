-- The accounts that a later one of these runs judged again, and the last that did: that one's result for them holds.
select result_parts.policy_id, judged_accounts.account_id, max(result_parts.number) as number
from result_parts
join judged_accounts
    on result_parts.policy_id = judged_accounts.policy_id and result_parts.run_id = judged_accounts.run_id
group by result_parts.policy_id, judged_accounts.account_id
