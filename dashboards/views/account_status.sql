-- One row per account that is collected, of a group those that it has assets or issues in: its assets, its issues by severity, and its requests without an answer.
with unanswered as (
    select account_id, count(*) as requests
    from answers
    where status not in ('complete', 'skipped', 'withdrawn')
    group by account_id
),
tracked as (
    select
        account_id,
        sum(issues) filter (where state = 'open') as open_issues,
        sum(issues) filter (where state = 'open' and severity = 'critical') as open_critical,
        sum(issues) filter (where state = 'open' and severity = 'high') as open_high,
        sum(issues) filter (where state = 'open' and severity = 'medium') as open_medium,
        sum(issues) filter (where state = 'open' and severity = 'low') as open_low,
        sum(issues) filter (where state = 'unknown') as unknown_issues
    from viewed_cells
    group by account_id
)
select
    accounts.account_id,
    accounts.account_name,
    coalesce(owned.assets, 0) as assets,
    coalesce(tracked.open_issues, 0) as open_issues,
    coalesce(tracked.open_critical, 0) as open_critical,
    coalesce(tracked.open_high, 0) as open_high,
    coalesce(tracked.open_medium, 0) as open_medium,
    coalesce(tracked.open_low, 0) as open_low,
    coalesce(tracked.unknown_issues, 0) as unknown_issues,
    coalesce(unanswered.requests, 0) as unanswered_requests
from known_accounts as accounts
left join unanswered on accounts.account_id = unanswered.account_id
left join owned_assets as owned on accounts.account_id = owned.account_id
left join tracked on accounts.account_id = tracked.account_id
cross join lens
where lens.group_id = '*' or owned.account_id is not null or tracked.account_id is not null
