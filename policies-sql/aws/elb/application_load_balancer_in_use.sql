/*---
id          = "aws-elb-application-load-balancer-in-use"
title       = "Application load balancers have targets"
severity    = "low"
category    = "governance"
asset_type  = "aws_ec2_application_load_balancer"
description = "A load balancer without targets costs money and serves errors."
remediation = "Delete it, or give it targets."
how         = { cli = "aws elbv2 delete-load-balancer --load-balancer-arn ARN", terraform = "remove aws_lb", console = "EC2 > Load Balancers > Actions > Delete" }
---*/
-- A listener may answer by itself, with a redirect or a fixed text: then no targets are needed.
with targets as (
    select
        account_id,
        unnest(load_balancer_arns) as load_balancer_arn,
        target_health_descriptions
    from aws_ec2_target_group
),

served as (
    select
        account_id,
        load_balancer_arn
    from targets
    where array_length(target_health_descriptions) > 0
    group by
        account_id,
        load_balancer_arn
),

listeners as (
    select
        arn,
        account_id,
        unnest(listeners) as listener
    from aws_ec2_application_load_balancer
),

self_serving as (
    select
        account_id,
        arn
    from listeners
    where listener['default_actions'][1]['type'] in ('redirect', 'fixed-response')
    group by
        account_id,
        arn
)

select
    lb.asset_id,
    lb.account_id,
    lb.region,
    'no target group of it has targets' as reason
from aws_ec2_application_load_balancer as lb
left anti join served
    on lb.account_id = served.account_id
    and lb.arn = served.load_balancer_arn
left anti join self_serving
    on lb.account_id = self_serving.account_id
    and lb.arn = self_serving.arn
where lb.arn is not null
