/*---
id          = "aws-elb-listener-modern-tls"
title       = "Listeners refuse old TLS"
severity    = "medium"
category    = "security"
asset_type  = "aws_ec2_load_balancer_listener"
description = "TLS before 1.2 is broken."
remediation = "Choose a newer security policy."
how         = { cli = "aws elbv2 modify-listener --listener-arn ARN --ssl-policy ELBSecurityPolicy-TLS13-1-2-2021-06", terraform = "aws_lb_listener: ssl_policy = \"ELBSecurityPolicy-TLS13-1-2-2021-06\"", console = "EC2 > Load Balancers > Listeners > Manage listener > Security policy" }
---*/
select
    asset_id,
    account_id,
    region,
    'accepts what ' || ssl_policy || ' accepts' as reason
from aws_ec2_load_balancer_listener
where ssl_policy in ('ELBSecurityPolicy-2016-08', 'ELBSecurityPolicy-TLS-1-0-2015-04', 'ELBSecurityPolicy-TLS-1-1-2017-01', 'ELBSecurityPolicy-FS-2018-06', 'ELBSecurityPolicy-FS-1-1-2019-08')
