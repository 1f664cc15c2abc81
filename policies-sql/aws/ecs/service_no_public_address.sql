/*---
id          = "aws-ecs-service-no-public-address"
title       = "ECS services have no public addresses"
severity    = "high"
category    = "security"
asset_type  = "aws_ecs_service"
description = "Tasks with public addresses are one open security group away from everybody."
remediation = "Take the public addresses away; let a load balancer face the internet."
how         = { cli = "aws ecs update-service --cluster CLUSTER --service SERVICE --network-configuration \"awsvpcConfiguration={subnets=[SUBNET],assignPublicIp=DISABLED}\"", terraform = "aws_ecs_service: network_configuration { assign_public_ip = false }", console = "ECS > Clusters > Service > Update service > Networking" }
---*/
select
    asset_id,
    account_id,
    region,
    'tasks get public addresses' as reason
from aws_ecs_service
where assign_public_ip = 'ENABLED'
