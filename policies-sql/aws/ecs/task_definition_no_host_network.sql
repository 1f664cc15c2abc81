/*---
id          = "aws-ecs-task-definition-no-host-network"
title       = "Tasks have a network of their own"
severity    = "medium"
category    = "security"
asset_type  = "aws_ecs_task_definition"
description = "In host mode a container sees the ports, and the credentials, of everything on its host."
remediation = "Register it with the network mode awsvpc."
how         = { cli = "aws ecs register-task-definition --network-mode awsvpc --cli-input-json file://task.json", terraform = "aws_ecs_task_definition: network_mode = \"awsvpc\"", console = "ECS > Task definitions > Create new revision > Network mode" }
---*/
select
    asset_id,
    account_id,
    region,
    'the network mode is host' as reason
from aws_ecs_task_definition
where network_mode = 'host'
