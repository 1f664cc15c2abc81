-- The violations that the newest result of each policy is made of (`newest_policy_runs.parts`): of each account those that the
-- last run found which judged it.
with part as (
    select policy_id, part['run_id'] as run_id, part['number'] as number
    from (select policy_id, unnest(parts) as part from newest_policy_runs)
),
again as (
    select part.policy_id, judged_accounts.account_id, max(part.number) as number
    from part
    join judged_accounts on part.policy_id = judged_accounts.policy_id and part.run_id = judged_accounts.run_id
    group by part.policy_id, judged_accounts.account_id
)
select violations.*
from again
right join (
    part
    join violations on part.policy_id = violations.policy_id and part.run_id = violations.run_id
)
    on violations.policy_id = again.policy_id and violations.account_id = again.account_id
where part.number = coalesce(again.number, 0)
