-- Where an asset has several issues of one policy, told by `issue_cells.is_keyed`: how many assets of the account have an open
-- one of that policy, and how many have exempt ones alone. Elsewhere an asset has one issue, and counting them is counting
-- assets. Reads `whole_issues`: no lens limits it.
with keyed as (
    select account_id, policy_id
    from issue_cells
    where is_keyed and state in ('open', 'exempt')
),
-- One join for each column: what a scan learns of both together leaves nothing out.
issues as (
    select near.account_id, near.policy_id, near.asset_type, near.asset_id, near.state
    from (select distinct account_id from keyed) as accounts
    right semi join (
        select whole_issues.account_id, whole_issues.policy_id, whole_issues.asset_type, whole_issues.asset_id, whole_issues.state
        from (select distinct policy_id from keyed) as policies
        right semi join whole_issues on policies.policy_id = whole_issues.policy_id
        where whole_issues.state in ('open', 'exempt')
    ) as near on accounts.account_id = near.account_id
),
per_asset as (
    select account_id, policy_id, bool_or(state = 'open') as is_open
    from issues
    group by account_id, policy_id, asset_type, asset_id
)
select
    account_id,
    policy_id,
    count(*) filter (where is_open) as open_assets,
    count(*) filter (where not is_open) as exempt_assets
from per_asset
group by account_id, policy_id
