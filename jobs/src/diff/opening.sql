-- The violations whose issues open, with what these were. Reads `differing` and `found`.
select differing.state, differing.occurrence, found.*
from (select * from differing where is_seen) as differing
join found on differing.issue_id = found.issue_id
