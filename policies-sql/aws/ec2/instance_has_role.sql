/*---
id          = "aws-ec2-instance-has-role"
title       = "Instances use roles in place of keys"
severity    = "medium"
category    = "security"
asset_type  = "aws_ec2_instance"
description = "Programs on an instance without a role bring keys of their own, and these never change."
remediation = "Attach an instance profile."
how         = { cli = "aws ec2 associate-iam-instance-profile --instance-id ID --iam-instance-profile Name=NAME", terraform = "aws_instance: iam_instance_profile", console = "EC2 > Instances > Actions > Security > Modify IAM role" }
---*/
select
    asset_id,
    account_id,
    region,
    'there is no instance profile' as reason
from aws_ec2_instance
where
    iam_instance_profile_arn is null
    and instance_state = 'running'
