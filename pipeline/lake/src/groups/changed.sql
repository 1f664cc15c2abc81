-- A row if `members_now` and `members_before` differ in who is in which group.
select group_id
from (
    select group_id, asset_type, asset_id, left_at, 1 as side from members_now
    union all
    select group_id, asset_type, asset_id, left_at, -1 as side from members_before
)
group by group_id, asset_type, asset_id, left_at
having sum(side) <> 0
limit 1
