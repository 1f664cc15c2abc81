/*---
id          = "aws-ecs-task-definition-logged"
title       = "Containers keep their logs"
severity    = "low"
category    = "governance"
asset_type  = "aws_ecs_task_definition"
description = "What a container said is gone with it otherwise."
remediation = "Give each container a log driver."
how         = { cli = "aws ecs register-task-definition --cli-input-json file://task.json", terraform = "aws_ecs_task_definition: container_definitions", console = "ECS > Task definitions > Create new revision > Container > Log collection" }
---*/
with items as (
    select
        asset_id,
        account_id,
        region,
        unnest(container_definitions) as item
    from aws_ecs_task_definition
)

select
    asset_id,
    account_id,
    region,
    string_agg(distinct item['name'], ', ' order by item['name']) || ' has no log driver' as reason
from items
where item['log_configuration']['log_driver'] is null
group by
    asset_id,
    account_id,
    region
