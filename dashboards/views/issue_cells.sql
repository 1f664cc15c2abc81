-- How many issues each account has of a policy, of one severity and in one state; `is_keyed` are those of which an asset can
-- have several. Reads `whole_issues`: no lens limits it.
select account_id, policy_id, severity, state, key <> '' as is_keyed, count(*) as issues
from whole_issues
group by account_id, policy_id, severity, state, key <> ''
