-- The violations that the newest result of each policy is made of (`newest_policy_runs.parts`): of each account those that the
-- last run found which judged it.
select violations.*
from result_accounts as again
right join (
    result_parts as part
    join violations on part.policy_id = violations.policy_id and part.run_id = violations.run_id
)
    on violations.policy_id = again.policy_id and violations.account_id = again.account_id
where part.number = coalesce(again.number, 0)
