-- The issues that are not closed and not seen. Reads `differing` and `before`.
select before.*
from (select issue_id from differing where not is_seen) as unseen
right semi join before on unseen.issue_id = before.issue_id
