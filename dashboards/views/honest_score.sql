-- Of all pairs of a policy and an asset in its scope: how many were judged, and how much of what was judged passes,
-- weighted by severity. Percent with one decimal, rounded down, so that 100 means all. One row; percents are null where
-- there is nothing that they could be of. Neither unknown nor exempt counts as passed.
with pairs as (
    select
        sum(assets) as pairs,
        sum(passing) as passing,
        sum(violating) as violating,
        sum(exempt) as exempt,
        sum(unknown) as unknown,
        sum(passing * severity_weight) as passing_weight,
        sum((passing + violating) * severity_weight) as judged_weight
    from policy_status
)
select
    pairs,
    passing,
    violating,
    exempt,
    unknown,
    case when judged_weight > 0 then floor(1000.0 * passing_weight / judged_weight) / 10 end as passing_percent,
    case when pairs > 0 then floor(1000.0 * (passing + violating) / pairs) / 10 end as judged_percent
from pairs
