/*---
id          = "aws-cloudfront-distribution-access-logs"
title       = "CloudFront distributions write access logs"
severity    = "high"
category    = "governance"
asset_type  = "aws_cloudfront_distribution"
description = "Without access logs nobody can tell who fetched what."
remediation = "Turn logging on."
how         = { cli = "aws cloudfront update-distribution --id ID --distribution-config file://config.json", terraform = "aws_cloudfront_distribution: logging_config", console = "CloudFront > Distributions > Logging > Create log delivery" }

[params.bucket_name]
type    = "string"
default = ""
doc     = "The name of the bucket that has to receive the logs; empty: any bucket will do."
---*/
-- A tag `logging` with any value but true opts out. CloudFront names a bucket by its host.
with settings as (
    select
        asset_id,
        account_id,
        region,
        logging['enabled'] as enabled,
        regexp_replace(coalesce(logging['bucket'], ''), '\.s3[^/]*\.amazonaws\.com(\.cn)?$', '') as bucket_name
    from aws_cloudfront_distribution
    where
        logging['enabled'] is not null
        and coalesce(lower(tags['logging']), 'true') = 'true'
)

select
    asset_id,
    account_id,
    region,
    case
        when enabled then 'access logs go to ' || bucket_name || ', not to ' || $bucket_name
        else 'access logs are off'
    end as reason
from settings
where
    not enabled
    or ($bucket_name <> '' and lower(bucket_name) <> lower($bucket_name))
