-- The policies of the run `$run_id`, and where their violations are.
--
-- `$settled` is the run that was compared last, if there is one: where its result of a policy is the one that still holds,
-- the issues are as that comparison left them (`is_settled`), and neither they nor the violations are read again.
select
    run.policy_id,
    run.status,
    run.blind_scopes,
    run.outside,
    run.unread,
    run.groups,
    coalesce(run.found_in, run.run_id) as found_in,
    run.violations = run.violating as is_one_each,
    compared.policy_id is not null as is_settled
from policy_runs as run
left join (
    select policy_id, coalesce(found_in, run_id) as found_in
    from policy_runs
    where run_id = $settled
) as compared
    on run.policy_id = compared.policy_id and run.found_in = compared.found_in
where run.run_id = $run_id
