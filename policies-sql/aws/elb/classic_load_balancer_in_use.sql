/*---
id          = "aws-elb-classic-load-balancer-in-use"
title       = "Classic load balancers have instances"
severity    = "low"
category    = "governance"
asset_type  = "aws_ec2_classic_load_balancer"
description = "A load balancer without instances costs money and serves errors."
remediation = "Delete it."
how         = { cli = "aws elb delete-load-balancer --load-balancer-name NAME", terraform = "remove aws_elb", console = "EC2 > Load Balancers > Actions > Delete" }
---*/
select
    asset_id,
    account_id,
    region,
    'there are no instances' as reason
from aws_ec2_classic_load_balancer
where
    coalesce(array_length(instances), 0) = 0
    and dns_name is not null
