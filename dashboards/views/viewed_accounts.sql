-- The accounts that are looked at, of a group those of its assets: `account_id`.
select distinct account_id
from assets
