-- The runs whose violations are the result of each policy of the run `$run_id`, in order.
select policy_id, part['run_id'] as run_id, part['number'] as number
from (select policy_id, unnest(parts) as part from policy_runs where run_id = $run_id)
