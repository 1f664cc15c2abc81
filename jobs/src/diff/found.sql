-- The violations that are to be compared. Reads `judged` and `violations`.
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
    judged.is_one_each
from (select * from judged where not is_settled) as judged
join violations on judged.policy_id = violations.policy_id and judged.found_in = violations.run_id
