-- How many of the issues that are looked at each account has of one severity, in one state.
select account_id, severity, state, count(*) as issues
from issues
group by account_id, severity, state
