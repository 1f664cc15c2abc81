/*---
id          = "aws-cloudfront-distribution-https-only"
title       = "CloudFront answers over HTTPS only"
severity    = "medium"
category    = "security"
asset_type  = "aws_cloudfront_distribution"
description = "What is asked and answered can be read and changed on the way otherwise."
remediation = "Redirect to HTTPS."
how         = { cli = "aws cloudfront update-distribution --id ID --distribution-config file://config.json", terraform = "aws_cloudfront_distribution: viewer_protocol_policy = \"redirect-to-https\"", console = "CloudFront > Distributions > Behaviors > Edit > Viewer protocol policy" }
---*/
select
    asset_id,
    account_id,
    region,
    'plain HTTP is answered' as reason
from aws_cloudfront_distribution
where default_cache_behavior['viewer_protocol_policy'] = 'allow-all'
