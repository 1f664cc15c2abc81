/*---
id          = "aws-ecs-service-latest-platform"
title       = "Fargate services run on the newest platform"
severity    = "low"
category    = "governance"
asset_type  = "aws_ecs_service"
description = "Old platforms get no repairs."
remediation = "Deploy with the version LATEST."
how         = { cli = "aws ecs update-service --cluster CLUSTER --service SERVICE --platform-version LATEST --force-new-deployment", terraform = "aws_ecs_service: platform_version = \"LATEST\"", console = "ECS > Clusters > Service > Update service > Platform version" }
---*/
select
    asset_id,
    account_id,
    region,
    'platform version ' || platform_version as reason
from aws_ecs_service
where
    platform_version is not null
    and platform_version <> 'LATEST'
