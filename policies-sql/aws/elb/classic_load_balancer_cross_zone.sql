/*---
id          = "aws-elb-classic-load-balancer-cross-zone"
title       = "Classic load balancers spread over all zones"
severity    = "low"
category    = "governance"
asset_type  = "aws_ec2_classic_load_balancer"
description = "One zone's instances carry the whole load of its clients otherwise."
remediation = "Turn cross-zone load balancing on."
how         = { cli = "aws elb modify-load-balancer-attributes --load-balancer-name NAME --load-balancer-attributes CrossZoneLoadBalancing={Enabled=true}", terraform = "aws_elb: cross_zone_load_balancing = true", console = "EC2 > Load Balancers > Attributes > Edit > Cross-zone load balancing" }
---*/
select
    asset_id,
    account_id,
    region,
    'requests stay in their zone' as reason
from aws_ec2_classic_load_balancer
where not cross_zone_load_balancing_enabled
