/*---
id          = "aws-ec2-regional-ebs-encryption-default"
title       = "New volumes are encrypted by default"
severity    = "medium"
category    = "security"
asset_type  = "aws_ec2_regional_settings"
description = "What nobody thought of is encrypted too."
remediation = "Turn the default on, in each region."
how         = { cli = "aws ec2 enable-ebs-encryption-by-default --region REGION", terraform = "aws_ebs_encryption_by_default: enabled = true", console = "EC2 > Dashboard > Data protection and security > EBS encryption" }
---*/
select
    asset_id,
    account_id,
    region,
    'new volumes are not encrypted' as reason
from aws_ec2_regional_settings
where not default_ebs_encryption_enabled
