-- As `grouped_cells`, of the assets of policies that are limited to groups.
select policy_id, group_id, asset_type, account_id, collected_in, region, unread, count(*) as assets
from (
    select distinct
        limited.policy_id,
        grouped_assets.group_id,
        grouped_assets.asset_type,
        grouped_assets.asset_id,
        grouped_assets.account_id,
        grouped_assets.collected_in,
        grouped_assets.region,
        grouped_assets.unread
    from (select policy_id, asset_type as judges, unnest(groups) as limit_id from newest_policy_runs) as limited
    join group_members on limited.limit_id = group_members.group_id
    join grouped_assets
        on group_members.asset_type = grouped_assets.asset_type and group_members.asset_id = grouped_assets.asset_id
    where limited.judges = 'assets' or limited.judges = grouped_assets.asset_type
)
group by policy_id, group_id, asset_type, account_id, collected_in, region, unread
