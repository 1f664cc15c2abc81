/*---
id          = "aws-elb-listener-encrypted"
title       = "Listeners on the internet are encrypted"
severity    = "high"
category    = "security"
asset_type  = "aws_ec2_load_balancer_listener"
description = "What is sent can be read and changed on the way otherwise."
remediation = "Make an HTTPS listener and redirect to it."
how         = { cli = "aws elbv2 modify-listener --listener-arn ARN --protocol HTTPS --port 443 --certificates CertificateArn=CERT", terraform = "aws_lb_listener: protocol = \"HTTPS\"", console = "EC2 > Load Balancers > Listeners > Edit" }
---*/
select
    asset_id,
    account_id,
    region,
    'port ' || port || ' is ' || protocol as reason
from aws_ec2_load_balancer_listener
where
    load_balancer_scheme = 'internet-facing'
    and protocol in ('HTTP', 'TCP')
    and coalesce(default_actions[1]['redirect_config']['protocol'], '') <> 'HTTPS'
    and load_balancer_type = 'application'
