/*---
id          = "aws-elb-target-group-in-use"
title       = "Target groups belong to a load balancer"
severity    = "low"
category    = "costOptimization"
asset_type  = "aws_ec2_target_group"
description = "What nobody uses is forgotten, and checked for nothing."
remediation = "Delete it."
how         = { cli = "aws elbv2 delete-target-group --target-group-arn ARN", terraform = "remove aws_lb_target_group", console = "EC2 > Target Groups > Actions > Delete" }
---*/
select
    asset_id,
    account_id,
    region,
    'no load balancer uses it' as reason
from aws_ec2_target_group
where
    coalesce(array_length(load_balancer_arns), 0) = 0
    and target_group_name is not null
