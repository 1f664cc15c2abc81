-- The newest word on each request of each asset type in each scope, and when it was last answered whole.
select
    account_id, account_name, region, asset_type, request, status, error_code, error, missing_permission, collected_at,
    last_answered_at as answered_at
from (
    select
        recent_coverage.*,
        row_number() over (partition by account_id, region, asset_type, request order by collected_at desc, run_id desc) as age,
        max(answered_at) over (partition by account_id, region, asset_type, request) as last_answered_at
    from recent_coverage
)
where age = 1
