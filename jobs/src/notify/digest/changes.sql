-- The transitions of issues after one diff and up to another: the first `$named` of each cause, the worst first, each
-- with the number of all that have its cause. Reads the view `issue_changes`.
with placed as (
    select
        issue_changes.*,
        row_number() over (partition by cause order by severity_rank, policy_id, asset_id, key, sequence) as place,
        count(*) over (partition by cause) as of_cause
    from issue_changes
    where sequence > $after and sequence <= $until
)
select
    cause, issue_id, occurrence, severity, policy_id, title, account_id, account_name, region, asset_type, asset_id,
    asset_name, key, reason, at, of_cause
from placed
where place <= $named
order by cause, place
