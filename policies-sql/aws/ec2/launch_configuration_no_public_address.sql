/*---
id          = "aws-ec2-launch-configuration-no-public-address"
title       = "Launch configurations give no public addresses"
severity    = "high"
category    = "security"
asset_type  = "aws_ec2_launch_configuration"
description = "Every new instance would stand on the internet."
remediation = "Make one without."
how         = { cli = "aws autoscaling create-launch-configuration --launch-configuration-name NEW --no-associate-public-ip-address", terraform = "aws_launch_configuration: associate_public_ip_address = false", console = "EC2 > Launch Configurations > Copy" }
---*/
select
    asset_id,
    account_id,
    region,
    'instances get public addresses' as reason
from aws_ec2_launch_configuration
where associate_public_ip_address
