-- What the newest finished diff changed: one row per event, with names for people. Who only counts reads `run_events`.
select issue_changes.*
from issue_changes
left semi join newest_diff on issue_changes.run_id = newest_diff.run_id
