/*---
id          = "aws-autoscaling-group-multiple-zones"
title       = "Auto Scaling groups span zones"
severity    = "medium"
category    = "governance"
asset_type  = "aws_ec2_autoscaling_group"
description = "A group in one zone ends with it."
remediation = "Add subnets of other zones."
how         = { cli = "aws autoscaling update-auto-scaling-group --auto-scaling-group-name NAME --vpc-zone-identifier SUBNET,SUBNET", terraform = "aws_autoscaling_group: vpc_zone_identifier", console = "EC2 > Auto Scaling Groups > Details > Network > Edit" }
---*/
select
    asset_id,
    account_id,
    region,
    'the group is in one zone' as reason
from aws_ec2_autoscaling_group
where array_length(availability_zones) < 2
