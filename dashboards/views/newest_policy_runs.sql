-- Each current policy as it was judged last, as `policy_runs` has it; a retired one is not here. Only policies of the domains
-- that are looked at.
select *
from (
    select
        policy_runs.*,
        row_number() over (partition by policy_runs.policy_id order by evaluations.run_at desc, evaluations.started_at desc) as age
    from policy_runs
    join evaluations on policy_runs.run_id = evaluations.run_id
    left semi join viewed_domains on policy_runs.policy_id = viewed_domains.policy_id
)
where age = 1
