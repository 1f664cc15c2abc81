-- The assets of each policy, all of them: as the evaluation counted them.
select '*' as group_id, policy_id, assets, violating, unknown
from newest_policy_runs
