-- PacBot's overall score, by group and domain (`*` is everything): its categories weighted as the domain says, which is 50
-- (security), 20 (governance), 20 (cost) and 10 (tagging) for everything, in whole percent, rounded down. No row before
-- anything was evaluated.
select
    group_id,
    domain_id,
    sum(category_weight * compliance_percent) / nullif(sum(category_weight), 0) as compliance_percent
from category_score
group by group_id, domain_id
