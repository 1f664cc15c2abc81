-- The violations that are to be compared. Reads `judged`, `parts`, `again` and `violations`.
with wanted as (
    select parts.policy_id, parts.run_id, parts.number, judged.is_one_each
    from parts
    join judged on parts.policy_id = judged.policy_id
    where parts.number > judged.settled_to
)
select
    violations.issue_id,
    violations.policy_id,
    violations.severity,
    violations.asset_type,
    violations.asset_id,
    violations.account_id,
    violations.region,
    violations.collected_in,
    violations.key,
    violations.reason,
    violations.evidence,
    wanted.is_one_each
from again
right join (
    wanted
    join violations on wanted.policy_id = violations.policy_id and wanted.run_id = violations.run_id
)
    on violations.policy_id = again.policy_id and violations.account_id = again.account_id
-- What a later part found of an account counts.
where wanted.number = coalesce(again.number, 0)
