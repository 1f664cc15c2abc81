/*---
id          = "aws-cloudfront-distribution-approved"
title       = "CloudFront distributions are approved"
severity    = "medium"
category    = "security"
asset_type  = "aws_cloudfront_distribution"
description = "What is published to the world should have been somebody's decision."
remediation = "Put its id on the list, or disable it."
how         = { cli = "aws cloudfront get-distribution --id ID", terraform = "aws_cloudfront_distribution: enabled = false", console = "CloudFront > Distributions > Disable" }
enabled     = false

[params.approved_ids]
type    = "list<string>"
default = []
doc     = "Ids of distributions that are approved."
---*/
select
    asset_id,
    account_id,
    region,
    'the distribution is not on the list' as reason
from aws_cloudfront_distribution
where
    not array_has($approved_ids, id)
    and id is not null
