-- The policies of the run `$run_id`. Reads `parts`.
--
-- `$settled` is the run that was compared last, if there is one: the issues are as that comparison left them. Up to the part
-- `settled_to`, of those up to `newest`, its result of a policy is the same as this one, so neither those violations nor the
-- issues of other accounts than were judged since are read again; -1 where nothing is the same.
select
    run.policy_id,
    run.status,
    run.blind_scopes,
    run.outside,
    run.unread,
    run.groups,
    run.violations,
    run.violations = run.violating as is_one_each,
    cast(array_length(run.parts) as bigint) - 1 as newest,
    coalesce(parts.number, -1) as settled_to
from policy_runs as run
left join (
    select policy_id, part['run_id'] as run_id
    from (select policy_id, array_element(parts, -1) as part from policy_runs where run_id = $settled)
) as compared
    on run.policy_id = compared.policy_id
left join parts on compared.policy_id = parts.policy_id and compared.run_id = parts.run_id
where run.run_id = $run_id
