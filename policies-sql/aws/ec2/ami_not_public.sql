/*---
id          = "aws-ec2-ami-not-public"
title       = "Machine images are not public"
severity    = "critical"
category    = "security"
asset_type  = "aws_ec2_ami"
description = "Everybody can start a public image and read its disks."
remediation = "Take the launch permission away."
how         = { cli = "aws ec2 modify-image-attribute --image-id ID --launch-permission \"Remove=[{Group=all}]\"", terraform = "aws_ami_launch_permission", console = "EC2 > AMIs > Actions > Edit AMI permissions" }
---*/
select
    asset_id,
    account_id,
    region,
    'everybody may start instances of it' as reason
from aws_ec2_ami
where public
