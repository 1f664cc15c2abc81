/*---
id          = "aws-ec2-reserved-instance-not-expiring"
title       = "Reserved instances are renewed in time"
severity    = "low"
category    = "costOptimization"
asset_type  = "aws_ec2_reserved_instance"
description = "From the day after, the same instances cost the full price."
remediation = "Queue a new one, or buy a savings plan."
how         = { cli = "aws ec2 purchase-reserved-instances-offering --reserved-instances-offering-id OFFERING --instance-count N", terraform = "aws_ec2_capacity_reservation", console = "EC2 > Reserved Instances > Renew" }

[params.min_days]
type    = "int"
default = 30
doc     = "Days that a reservation must still last."
---*/
select
    asset_id,
    account_id,
    region,
    'ends on ' || cast(cast(end_time as date) as varchar) as reason
from aws_ec2_reserved_instance
where
    instance_state = 'active'
    and date_part('day', end_time - now()) < $min_days
