/*---
id          = "aws-autoscaling-group-checks-load-balancer"
title       = "Auto Scaling groups ask the load balancer who is healthy"
severity    = "low"
category    = "governance"
asset_type  = "aws_ec2_autoscaling_group"
description = "An instance that runs and answers nothing is never replaced otherwise."
remediation = "Add the ELB health check."
how         = { cli = "aws autoscaling update-auto-scaling-group --auto-scaling-group-name NAME --health-check-type ELB --health-check-grace-period 300", terraform = "aws_autoscaling_group: health_check_type = \"ELB\"", console = "EC2 > Auto Scaling Groups > Details > Health checks > Edit" }
---*/
select
    asset_id,
    account_id,
    region,
    'only EC2 is asked' as reason
from aws_ec2_autoscaling_group
where
    health_check_type = 'EC2'
    and (array_length(load_balancer_names) > 0 or array_length(target_group_arns) > 0)
