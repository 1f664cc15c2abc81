-- Requests that were not answered whole, those of one account, type and request in one row. Reads the view `unjudged`.
select
    account_id,
    max(account_name) as account_name,
    array_agg(region order by region) as regions,
    asset_type,
    request,
    status,
    max(error) as error,
    max(missing_permission) as missing_permission,
    max(answered_at) as answered_at,
    max(policies) as policies
from unjudged
group by account_id, asset_type, request, status
order by policies desc, account_id, asset_type, request
