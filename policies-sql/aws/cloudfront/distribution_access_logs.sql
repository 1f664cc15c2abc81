/*---
id          = "aws-cloudfront-distribution-access-logs"
title       = "CloudFront distributions write access logs"
severity    = "medium"
category    = "security"
asset_type  = "aws_cloudfront_distribution"
description = "Without access logs nobody can tell who fetched what."
remediation = "Turn logging on."
how         = { cli = "aws cloudfront update-distribution --id ID --distribution-config file://config.json", terraform = "aws_cloudfront_distribution: logging_config", console = "CloudFront > Distributions > Logging > Create log delivery" }
---*/
-- The tag logging = false says that a distribution needs none.
select
    asset_id,
    account_id,
    region,
    'access logs are off' as reason
from aws_cloudfront_distribution
where
    not logging['enabled']
    and not coalesce(tags['logging'] <> 'true', false)
