-- PacBot's overall score: its categories weighted 50 (security), 20 (governance), 20 (cost) and 10 (tagging), in whole
-- percent, rounded down. One row; null before anything was evaluated.
select sum(category_weight * compliance_percent) / sum(category_weight) as compliance_percent
from category_score
