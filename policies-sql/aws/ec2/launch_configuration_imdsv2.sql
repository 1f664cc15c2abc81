/*---
id          = "aws-ec2-launch-configuration-imdsv2"
title       = "Launch configurations demand tokens of the metadata service"
severity    = "high"
category    = "security"
asset_type  = "aws_ec2_launch_configuration"
description = "With IMDSv1 one request forged through a web application steals the instance's credentials."
remediation = "Move to a launch template that demands tokens."
how         = { cli = "aws autoscaling create-launch-configuration --launch-configuration-name NEW --metadata-options HttpTokens=required", terraform = "aws_launch_configuration: metadata_options { http_tokens = \"required\" }", console = "EC2 > Launch Configurations > Copy to launch template" }
---*/
select
    asset_id,
    account_id,
    region,
    'IMDSv1 is allowed' as reason
from aws_ec2_launch_configuration
where coalesce(metadata_options_http_tokens, 'optional') = 'optional'
