-- The columns of `compliance_daily` that are numbers, from the views: a row for each group and policy, for each category and
-- for all of them in each domain, and for each framework. Reads `framework_items` (framework_id, item_id, policy_id) too.
-- Percents have one decimal, rounded down; null where there is nothing that they could be of. Of a framework, an item is
-- violated if a policy of it is, passes if all of its policies that have assets in the group were judged everywhere, and is
-- unknown otherwise; an item without such policies is not counted.
with of_policy as (
    select
        group_id,
        '*' as domain_id,
        'policy' as kind,
        policy_id as id,
        assets,
        passing,
        violating,
        exempt,
        unknown,
        open_issues,
        cast(compliance_percent as double) as classic_percent,
        case when passing + violating > 0 then floor(1000.0 * passing / (passing + violating)) / 10 end as passing_percent,
        case when assets > 0 then floor(1000.0 * (passing + violating) / assets) / 10 end as judged_percent
    from policy_status
),
of_category as (
    select
        group_id,
        domain_id,
        'category' as kind,
        category as id,
        assets,
        passing,
        violating,
        exempt,
        unknown,
        open_issues,
        cast(compliance_percent as double) as classic_percent,
        case when judged_weight > 0 then floor(1000.0 * passing_weight / judged_weight) / 10 end as passing_percent,
        case when assets > 0 then floor(1000.0 * (passing + violating) / assets) / 10 end as judged_percent
    from category_score
),
overall as (
    select
        honest_score.group_id,
        honest_score.domain_id,
        'overall' as kind,
        '*' as id,
        honest_score.pairs as assets,
        honest_score.passing,
        honest_score.violating,
        honest_score.exempt,
        honest_score.unknown,
        honest_score.open_issues,
        cast(classic_score.compliance_percent as double) as classic_percent,
        honest_score.passing_percent,
        honest_score.judged_percent
    from honest_score
    join classic_score
        on honest_score.group_id = classic_score.group_id and honest_score.domain_id = classic_score.domain_id
),
of_item as (
    select
        policy_status.group_id,
        framework_items.framework_id,
        framework_items.item_id,
        case
            when sum(policy_status.violating) > 0 then 'violating'
            when sum(policy_status.unknown) > 0 or bool_or(policy_status.status = 'failed') then 'unknown'
            else 'passing'
        end as status,
        sum(policy_status.open_issues) as open_issues
    from framework_items
    join policy_status on framework_items.policy_id = policy_status.policy_id
    group by policy_status.group_id, framework_items.framework_id, framework_items.item_id
),
items as (
    select
        group_id,
        framework_id,
        count(*) as items,
        count(*) filter (where status = 'passing') as passing,
        count(*) filter (where status = 'violating') as violating,
        count(*) filter (where status = 'unknown') as unknown,
        sum(open_issues) as open_issues
    from of_item
    group by group_id, framework_id
),
of_framework as (
    select
        group_id,
        '*' as domain_id,
        'framework' as kind,
        framework_id as id,
        items as assets,
        passing,
        violating,
        cast(0 as bigint) as exempt,
        unknown,
        open_issues,
        cast(null as double) as classic_percent,
        case when passing + violating > 0 then floor(1000.0 * passing / (passing + violating)) / 10 end as passing_percent,
        floor(1000.0 * (passing + violating) / items) / 10 as judged_percent
    from items
)
select * from of_policy
union all
select * from of_category
union all
select * from overall
union all
select * from of_framework
