-- How many assets each account has, of a group those in it: `account_id`, `assets`. Of everything, what the newest evaluation
-- noted stands for it.
select account_id, count(*) as assets
from assets
group by account_id
