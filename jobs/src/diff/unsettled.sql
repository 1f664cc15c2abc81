-- How many policies are to be compared, or have no result any more: none, and the issues are as the last comparison left them.
-- Reads `judged`; `$settled` is the run that was compared last.
select
    (select count(*) from judged where settled_to < newest)
    + (
        select count(*)
        from judged
        right anti join (select policy_id from policy_runs where run_id = $settled) as compared
            on judged.policy_id = compared.policy_id
    )
