/*---
id          = "aws-cloudfront-distribution-behind-waf"
title       = "CloudFront distributions are behind a web ACL"
severity    = "medium"
category    = "security"
asset_type  = "aws_cloudfront_distribution"
description = "A web ACL stops known attacks before they reach the origin."
remediation = "Put a web ACL in front."
how         = { cli = "aws cloudfront update-distribution --id ID --distribution-config file://config.json", terraform = "aws_cloudfront_distribution: web_acl_id", console = "CloudFront > Distributions > Security > Enable protections" }
---*/
select
    asset_id,
    account_id,
    region,
    'there is no web ACL' as reason
from aws_cloudfront_distribution
where
    web_acl_id = ''
    and enabled
