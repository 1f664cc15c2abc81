/*---
id          = "aws-ecs-task-definition-read-only-root"
title       = "Containers cannot change their own files"
severity    = "low"
category    = "security"
asset_type  = "aws_ecs_task_definition"
description = "An attacker cannot leave programs in a file system that is read-only."
remediation = "Set readonlyRootFilesystem, with a volume for what must be written."
how         = { cli = "aws ecs register-task-definition --cli-input-json file://task.json", terraform = "aws_ecs_task_definition: container_definitions", console = "ECS > Task definitions > Create new revision > Container > Read only root file system" }
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
    string_agg(distinct item['name'], ', ' order by item['name']) || ' can change its root file system' as reason
from items
where not coalesce(item['readonly_root_filesystem'], false)
group by
    asset_id,
    account_id,
    region
