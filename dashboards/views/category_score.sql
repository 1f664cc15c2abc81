-- PacBot's score of each category: the compliance of its policies weighted by severity (critical 10, high 5, medium 3,
-- low 1), in whole percent, rounded down; each policy counts once, whatever its number of assets.
select
    category,
    case category when 'security' then 50 when 'governance' then 20 when 'costOptimization' then 20 else 10 end as category_weight,
    count(*) as policies,
    sum(compliance_percent * severity_weight) / sum(severity_weight) as compliance_percent
from policy_status
group by category
