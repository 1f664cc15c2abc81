-- The assets of the issues that are not seen. Reads `missing` and `assets`.
--
-- Nearly all are in the account that the issue names; only for what is left, all accounts are read: a policy may name another
-- account than its asset is in, and an asset may have come back in another one.
with here as (
    select assets.asset_type, assets.asset_id, assets.account_id, assets.region, assets.collected_in, assets.unread
    from (select distinct asset_type, asset_id from missing) as of_issue
    right semi join (
        (select distinct account_id from missing) as accounts
        right semi join assets on accounts.account_id = assets.account_id
    )
        on of_issue.asset_type = assets.asset_type and of_issue.asset_id = assets.asset_id
),
elsewhere as (
    select missing.asset_type, missing.asset_id
    from here
    right anti join missing on here.asset_type = missing.asset_type and here.asset_id = missing.asset_id
)
select * from here
union all
select assets.asset_type, assets.asset_id, assets.account_id, assets.region, assets.collected_in, assets.unread
from elsewhere
right semi join assets on elsewhere.asset_type = assets.asset_type and elsewhere.asset_id = assets.asset_id
