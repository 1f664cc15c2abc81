-- PacBot's score of each category, by group and domain (`*` is everything): the compliance of its policies weighted by
-- severity (critical 10, high 5, medium 3, low 1), in whole percent, rounded down; each policy counts once, whatever its
-- number of assets. Beside it the counts that the category adds up to.
select
    policy_status.group_id,
    viewed_domains.domain_id,
    policy_status.category,
    max(category_weights.category_weight) as category_weight,
    count(*) as policies,
    sum(compliance_percent * severity_weight) / sum(severity_weight) as compliance_percent,
    sum(assets) as assets,
    sum(passing) as passing,
    sum(violating) as violating,
    sum(exempt) as exempt,
    sum(unknown) as unknown,
    sum(open_issues) as open_issues,
    sum(passing * severity_weight) as passing_weight,
    sum((passing + violating) * severity_weight) as judged_weight
from policy_status
join viewed_domains on policy_status.policy_id = viewed_domains.policy_id
join category_weights
    on viewed_domains.domain_id = category_weights.domain_id and policy_status.category = category_weights.category
group by policy_status.group_id, viewed_domains.domain_id, policy_status.category
