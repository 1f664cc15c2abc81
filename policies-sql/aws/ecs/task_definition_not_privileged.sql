/*---
id          = "aws-ecs-task-definition-not-privileged"
title       = "No container runs privileged"
severity    = "high"
category    = "security"
asset_type  = "aws_ecs_task_definition"
description = "A privileged container is root on its host."
remediation = "Leave privileged out; add the one capability that is needed."
how         = { cli = "aws ecs register-task-definition --cli-input-json file://task.json", terraform = "aws_ecs_task_definition: container_definitions", console = "ECS > Task definitions > Create new revision > JSON" }
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
    string_agg(distinct item['name'], ', ' order by item['name']) || ' runs privileged' as reason
from items
where item['privileged']
group by
    asset_id,
    account_id,
    region
