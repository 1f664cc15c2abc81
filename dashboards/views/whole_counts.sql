-- As `grouped_counts`, of all assets: as the evaluation counted them.
select '*' as group_id, policy_id, assets, violating, unknown
from newest_policy_runs
