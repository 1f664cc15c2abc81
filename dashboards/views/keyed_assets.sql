-- Of policies of which an asset can have several issues: how many assets of each account have an open one, and how many have
-- exempt ones alone. Of most policies an asset has one issue, and counting them is counting assets. Reads `whole_issues`: no
-- lens limits it.
with keyed as (
    select distinct policy_id
    from issue_cells
    where is_keyed and state in ('open', 'exempt')
),
per_asset as (
    select whole_issues.account_id, whole_issues.policy_id, bool_or(whole_issues.state = 'open') as is_open
    from keyed
    right semi join whole_issues on keyed.policy_id = whole_issues.policy_id
    where whole_issues.state in ('open', 'exempt')
    group by whole_issues.account_id, whole_issues.policy_id, whole_issues.asset_type, whole_issues.asset_id
)
select
    account_id,
    policy_id,
    count(*) filter (where is_open) as open_assets,
    count(*) filter (where not is_open) as exempt_assets
from per_asset
group by account_id, policy_id
