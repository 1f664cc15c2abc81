/*---
id          = "aws-ec2-instance-imdsv2-required"
title       = "Instances answer IMDSv2 only"
severity    = "high"
category    = "security"
asset_type  = "aws_ec2_instance"
description = "Version 1 of the metadata service gives the instance's credentials to any request. A server that can be made to fetch an address hands them out; version 2 wants a token first."
remediation = "`aws ec2 modify-instance-metadata-options --instance-id ID --http-tokens required`, after the metric MetadataNoToken has stayed at zero."
how         = { cli = "aws ec2 modify-instance-metadata-options --instance-id ID --http-tokens required", terraform = "aws_instance: metadata_options { http_tokens = \"required\" }", console = "EC2 > Instances > Actions > Instance settings > Modify instance metadata options" }
references  = ["https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-service.html"]
---*/
-- With the endpoint off there is nothing to ask. A stopped instance is judged: it comes back with the same options.
select
    asset_id,
    account_id,
    region,
    'the metadata service answers version 1' as reason,
    metadata_options['http_put_response_hop_limit'] as hop_limit,
    iam_instance_profile_arn
from aws_ec2_instance
where
    instance_state not in ('shutting-down', 'terminated')
    and metadata_options['http_tokens'] = 'optional'
    and coalesce(metadata_options['http_endpoint'], 'enabled') = 'enabled'
