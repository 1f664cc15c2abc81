/*---
id          = "aws-elb-classic-load-balancer-access-logs"
title       = "Classic load balancers write access logs"
severity    = "high"
category    = "security"
asset_type  = "aws_ec2_classic_load_balancer"
description = "Without access logs nobody can tell who called what."
remediation = "Turn access logs on."
how         = { cli = "aws elb modify-load-balancer-attributes --load-balancer-name NAME --load-balancer-attributes AccessLog={Enabled=true,S3BucketName=BUCKET}", terraform = "aws_elb: access_logs", console = "EC2 > Load Balancers > Attributes > Edit > Access logs" }
---*/
select
    asset_id,
    account_id,
    region,
    'access logs are off' as reason
from aws_ec2_classic_load_balancer
where not access_log_enabled
