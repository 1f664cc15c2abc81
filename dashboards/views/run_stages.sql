-- Each stage of each run and how long it took; `seconds` is null while it runs.
select
    run_id, stage, status, run_at, started_at, finished_at,
    (cast(finished_at as bigint) - cast(started_at as bigint)) / 1000000.0 as seconds,
    scopes, problems, rows, selection, host, pacbot_version
from runs
