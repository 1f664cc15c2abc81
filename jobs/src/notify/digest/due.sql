-- Fixes that were announced and not yet applied, the earliest first. Reads the view `fixes_planned`.
select
    fixes_planned.issue_id, fixes_planned.policy_id, fixes_planned.fix, fixes_planned.asset_id, assets.name as asset_name,
    fixes_planned.account_id, fixes_planned.region, fixes_planned.due_at, fixes_planned.warning, fixes_planned.warnings
from fixes_planned
left join assets on fixes_planned.asset_type = assets.asset_type and fixes_planned.asset_id = assets.asset_id
order by fixes_planned.due_at, fixes_planned.policy_id, fixes_planned.asset_id
