/*---
id          = "aws-ecs-task-definition-no-host-processes"
title       = "Tasks do not see the processes of their host"
severity    = "medium"
category    = "security"
asset_type  = "aws_ecs_task_definition"
description = "Whoever sees them can read their memory and environment."
remediation = "Leave pidMode out, or set it to task."
how         = { cli = "aws ecs register-task-definition --pid-mode task --cli-input-json file://task.json", terraform = "aws_ecs_task_definition: pid_mode = \"task\"", console = "ECS > Task definitions > Create new revision > JSON" }
---*/
select
    asset_id,
    account_id,
    region,
    'the processes of the host are visible' as reason
from aws_ecs_task_definition
where pid_mode = 'host'
