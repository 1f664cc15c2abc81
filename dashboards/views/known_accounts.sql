-- The accounts that are collected, and what people call them: `account_id`, `account_name`.
select account_id, max(account_name) as account_name
from answers
where status <> 'withdrawn'
group by account_id
