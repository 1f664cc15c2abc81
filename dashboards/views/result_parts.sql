-- The runs that found what the newest result of each policy is made of, oldest first (`newest_policy_runs.parts`).
select policy_id, part['run_id'] as run_id, part['number'] as number
from (select policy_id, unnest(parts) as part from newest_policy_runs)
