-- What the run `$before` found of the policies and accounts in `again`: violations and violating assets, by policy.
with part as (
    select policy_id, part['run_id'] as run_id, part['number'] as number
    from (select policy_id, unnest(parts) as part from policy_runs where run_id = $before)
),
newest as (
    select part.policy_id, judged_accounts.account_id, max(part.number) as number
    from part
    join judged_accounts on part.policy_id = judged_accounts.policy_id and part.run_id = judged_accounts.run_id
    group by part.policy_id, judged_accounts.account_id
),
-- The rows of these policies and accounts are in the run that judged them last.
wanted as (
    select again.policy_id, again.account_id, part.run_id
    from again
    left join newest on again.policy_id = newest.policy_id and again.account_id = newest.account_id
    join part on again.policy_id = part.policy_id and part.number = coalesce(newest.number, 0)
)
select violations.policy_id, count(*) as violations, count(distinct violations.asset_id) as violating
from wanted
join violations
    on wanted.policy_id = violations.policy_id
    and wanted.run_id = violations.run_id
    and wanted.account_id = violations.account_id
group by violations.policy_id
