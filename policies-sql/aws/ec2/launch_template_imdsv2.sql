/*---
id          = "aws-ec2-launch-template-imdsv2"
title       = "Launch templates demand tokens of the metadata service"
severity    = "high"
category    = "security"
asset_type  = "aws_ec2_launch_template"
description = "With IMDSv1 one request forged through a web application steals the instance's credentials."
remediation = "Make a version that demands tokens, and make it the default."
how         = { cli = "aws ec2 create-launch-template-version --launch-template-id ID --source-version 1 --launch-template-data MetadataOptions={HttpTokens=required}", terraform = "aws_launch_template: metadata_options { http_tokens = \"required\" }", console = "EC2 > Launch Templates > Modify template > Advanced details > Metadata version" }
---*/
select
    asset_id,
    account_id,
    region,
    'IMDSv1 is allowed' as reason
from aws_ec2_launch_template
where coalesce(http_tokens, 'optional') = 'optional'
