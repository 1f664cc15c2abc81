/*---
id          = "aws-ecs-cluster-container-insights"
title       = "ECS clusters keep metrics of containers"
severity    = "low"
category    = "governance"
asset_type  = "aws_ecs_cluster"
description = "They show what runs out before it does."
remediation = "Turn Container Insights on."
how         = { cli = "aws ecs update-cluster-settings --cluster NAME --settings name=containerInsights,value=enhanced", terraform = "aws_ecs_cluster: setting { name = \"containerInsights\" }", console = "ECS > Clusters > Update cluster > Monitoring" }
---*/
with items as (
    select
        asset_id,
        account_id,
        region,
        unnest(settings) as item
    from aws_ecs_cluster
)

select
    asset_id,
    account_id,
    region,
    'Container Insights is off' as reason
from items
where item['name'] = 'containerInsights' and item['value'] = 'disabled'
group by
    asset_id,
    account_id,
    region
