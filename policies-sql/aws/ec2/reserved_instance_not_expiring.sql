/*---
id          = "aws-ec2-reserved-instance-not-expiring"
title       = "Reservations of instances neither end soon nor ended lately"
severity    = "high"
category    = "governance"
asset_type  = "aws_ec2_reserved_instance"
description = "From the day after, the same instances cost the full price."
remediation = "Queue a new one, or buy a savings plan."
how         = { cli = "aws ec2 purchase-reserved-instances-offering --reserved-instances-offering-id OFFERING --instance-count N", terraform = "aws_ec2_capacity_reservation", console = "EC2 > Reserved Instances > Renew" }

[params.window_days]
type    = "int"
default = 30
doc     = "Days before its end, and after it, in which a reservation is a violation."
---*/
-- A reservation that ended is told of for as long, so that nobody misses it; later there is nothing left to do.
select
    asset_id,
    account_id,
    region,
    case when end_time <= now() then 'ended on ' else 'ends on ' end
    || cast(cast(end_time as date) as varchar) as reason,
    instance_type,
    instance_count
from aws_ec2_reserved_instance
where
    (
        instance_state = 'active'
        and date_part('day', end_time - now()) <= $window_days
    )
    or (
        instance_state = 'retired'
        and date_part('day', now() - end_time) <= $window_days
    )
