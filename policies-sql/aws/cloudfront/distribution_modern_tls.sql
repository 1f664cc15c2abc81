/*---
id          = "aws-cloudfront-distribution-modern-tls"
title       = "CloudFront refuses old TLS"
severity    = "medium"
category    = "security"
asset_type  = "aws_cloudfront_distribution"
description = "TLS before 1.2 is broken."
remediation = "Ask for TLSv1.2_2021."
how         = { cli = "aws cloudfront update-distribution --id ID --distribution-config file://config.json", terraform = "aws_cloudfront_distribution: viewer_certificate { minimum_protocol_version = \"TLSv1.2_2021\" }", console = "CloudFront > Distributions > General > Edit > Security policy" }
---*/
-- With its default certificate a distribution takes what CloudFront takes; that cannot be changed.
select
    asset_id,
    account_id,
    region,
    'accepts ' || viewer_certificate['minimum_protocol_version'] as reason
from aws_cloudfront_distribution
where
    viewer_certificate['minimum_protocol_version'] in ('SSLv3', 'TLSv1', 'TLSv1_2016', 'TLSv1.1_2016')
    and not coalesce(viewer_certificate['cloud_front_default_certificate'], false)
