-- By group and domain (`*` is everything), of all pairs of a policy and an asset in its scope: how many were judged, and how
-- much of what was judged passes, weighted by severity. Percent with one decimal, rounded down, so that 100 means all;
-- null where there is nothing that they could be of. Neither unknown nor exempt counts as passed.
with pairs as (
    select
        group_id,
        domain_id,
        sum(assets) as pairs,
        sum(passing) as passing,
        sum(violating) as violating,
        sum(exempt) as exempt,
        sum(unknown) as unknown,
        sum(open_issues) as open_issues,
        sum(passing_weight) as passing_weight,
        sum(judged_weight) as judged_weight
    from category_score
    group by group_id, domain_id
)
select
    group_id,
    domain_id,
    pairs,
    passing,
    violating,
    exempt,
    unknown,
    open_issues,
    case when judged_weight > 0 then floor(1000.0 * passing_weight / judged_weight) / 10 end as passing_percent,
    case when pairs > 0 then floor(1000.0 * (passing + violating) / pairs) / 10 end as judged_percent
from pairs
