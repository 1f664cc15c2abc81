-- How many violations each account has of a policy, of its newest result. They are counted by the run that
-- found them before anything is joined: there are millions of them, and a row for each account and policy.
with of_run as (
    select violations.policy_id, violations.run_id, violations.account_id, count(*) as violations
    from (select distinct run_id from result_parts) as runs
    right semi join violations on runs.run_id = violations.run_id
    group by violations.policy_id, violations.run_id, violations.account_id
)
select of_run.policy_id, of_run.account_id, of_run.violations
from result_accounts as again
right join (
    result_parts as part
    join of_run on part.policy_id = of_run.policy_id and part.run_id = of_run.run_id
)
    on of_run.policy_id = again.policy_id and of_run.account_id = again.account_id
where part.number = coalesce(again.number, 0)
