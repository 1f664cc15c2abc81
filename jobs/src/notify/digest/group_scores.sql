-- The scores of one group. Reads the view `group_scores`, which asset groups have.
select passing_percent, judged_percent, pairs, passing, violating, exempt, unknown, classic_percent
from group_scores
where group_id = $group_id
