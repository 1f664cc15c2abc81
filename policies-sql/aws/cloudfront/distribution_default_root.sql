/*---
id          = "aws-cloudfront-distribution-default-root"
title       = "CloudFront distributions have a default root object"
severity    = "low"
category    = "security"
asset_type  = "aws_cloudfront_distribution"
description = "Without it the root shows what the origin shows, perhaps its list of files."
remediation = "Name a default root object."
how         = { cli = "aws cloudfront update-distribution --id ID --default-root-object index.html", terraform = "aws_cloudfront_distribution: default_root_object = \"index.html\"", console = "CloudFront > Distributions > General > Edit > Default root object" }
---*/
select
    asset_id,
    account_id,
    region,
    'there is no default root object' as reason
from aws_cloudfront_distribution
where default_root_object = ''
