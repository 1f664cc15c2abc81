/*---
id          = "aws-elb-network-load-balancer-deletion-protection"
title       = "Network load balancers are protected against deletion"
severity    = "low"
category    = "governance"
asset_type  = "aws_ec2_network_load_balancer"
description = "One wrong command takes its addresses away for ever."
remediation = "Turn deletion protection on."
how         = { cli = "aws elbv2 modify-load-balancer-attributes --load-balancer-arn ARN --attributes Key=deletion_protection.enabled,Value=true", terraform = "aws_lb: enable_deletion_protection = true", console = "EC2 > Load Balancers > Attributes > Edit > Deletion protection" }
---*/
select
    asset_id,
    account_id,
    region,
    'the load balancer can be deleted' as reason
from aws_ec2_network_load_balancer
where load_balancer_attributes['deletion_protection.enabled'] = 'false'
