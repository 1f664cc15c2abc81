/*---
id          = "aws-s3-bucket-no-website"
title       = "S3 buckets host and redirect no website"
severity    = "high"
category    = "security"
asset_type  = "aws_s3_bucket"
description = "A bucket website is reached over plain HTTP and wants public objects. CloudFront with an origin access control serves the same pages over TLS from a private bucket."
remediation = "`aws s3api delete-bucket-website --bucket NAME`, after a CloudFront distribution has taken over."
how         = { cli = "aws s3api delete-bucket-website --bucket NAME", terraform = "remove aws_s3_bucket_website_configuration", console = "S3 > Buckets > Properties > Static website hosting > Edit" }
references  = ["https://docs.aws.amazon.com/AmazonS3/latest/userguide/WebsiteHosting.html"]
---*/
-- A website has either an index document or a redirect of everything. Null means that there is none of it.
select
    asset_id,
    account_id,
    region,
    case
        when website_redirect_host_name is not null then 'website hosting redirects every request to ' || website_redirect_host_name
        else 'website hosting serves ' || website_index_document
    end as reason
from aws_s3_bucket
where
    website_index_document is not null
    or website_redirect_host_name is not null
