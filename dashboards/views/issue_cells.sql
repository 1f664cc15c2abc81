-- How many issues that are not closed each account has of a policy, in one state; `is_keyed` are those of which an asset can
-- have several. Reads `whole_issues`: no lens limits it.
select account_id, policy_id, state, key <> '' as is_keyed, count(*) as issues
from whole_issues
where state <> 'closed'
group by account_id, policy_id, state, key <> ''
