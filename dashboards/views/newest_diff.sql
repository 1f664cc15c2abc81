-- The newest finished diff: `run_id`; no row where nothing was compared.
select run_id
from runs
where stage = 'diff' and status in ('complete', 'partial')
order by run_at desc, started_at desc
limit 1
