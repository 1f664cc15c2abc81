-- The newest word on each request of each asset type in each scope, and when it was last answered whole.
select
    account_id, account_name, region, asset_type, request, status, error_code, error, missing_permission, collected_at,
    answered_at
from (
    select
        coverage.*,
        row_number() over (partition by account_id, region, asset_type, request order by collected_at desc, run_id desc) as age,
        max(case when status = 'complete' then collected_at end)
            over (partition by account_id, region, asset_type, request) as answered_at
    from coverage
)
where age = 1
