/*---
id          = "aws-cloudfront-distribution-no-web-pages"
title       = "CloudFront distributions are set up to serve no web pages"
severity    = "critical"
category    = "security"
asset_type  = "aws_cloudfront_distribution"
description = "A distribution that serves pages is a web site under the company's name. Sites should be known to those who answer for them."
remediation = "Take the default root object away (`aws cloudfront update-distribution`), or grant an exception to the sites that are meant."
how         = { cli = "aws cloudfront update-distribution --id ID --distribution-config file://config.json --if-match ETAG", terraform = "aws_cloudfront_distribution: default_root_object", console = "CloudFront > Distributions > General > Settings > Edit" }
references  = ["https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/DefaultRootObject.html"]
---*/
-- What it is set up to serve is judged, by its root object and by origins that are bucket websites; the answers of its
-- host are not. An empty root object serves nothing for the path /.
with origins as (
    select
        asset_id,
        account_id,
        unnest(origins) as origin
    from aws_cloudfront_distribution
),

websites as (
    select
        asset_id,
        account_id,
        min(origin['domain_name']) as domain_name
    from origins
    where origin['domain_name'] ~ '\.s3-website[.-]'
    group by
        asset_id,
        account_id
)

select
    distribution.asset_id,
    distribution.account_id,
    distribution.region,
    case
        when distribution.default_root_object ~* 'html?' then 'it serves ' || distribution.default_root_object
        else 'it serves the website ' || websites.domain_name
    end as reason,
    distribution.domain_name
from aws_cloudfront_distribution as distribution
left join websites
    on distribution.account_id = websites.account_id
    and distribution.asset_id = websites.asset_id
where
    distribution.enabled
    and (distribution.default_root_object ~* 'html?' or websites.domain_name is not null)
