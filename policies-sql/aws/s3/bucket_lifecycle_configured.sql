/*---
id          = "aws-s3-bucket-lifecycle-configured"
title       = "S3 buckets move or expire what is old"
severity    = "low"
category    = "costOptimization"
asset_type  = "aws_s3_bucket"
description = "Old versions, aborted uploads and forgotten objects are paid for every month until a lifecycle rule takes care of them."
remediation = "`aws s3api put-bucket-lifecycle-configuration` with rules that fit the data; at least abort incomplete uploads and expire old versions."
how         = { cli = "aws s3api put-bucket-lifecycle-configuration --bucket NAME --lifecycle-configuration file://lifecycle.json", terraform = "aws_s3_bucket_lifecycle_configuration", console = "S3 > Buckets > Management > Create lifecycle rule" }
references  = ["https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lifecycle-mgmt.html"]
---*/
-- Null means that there is no lifecycle configuration, which S3 answers as an error of its own.
with rules as (
    select
        asset_id,
        account_id,
        unnest(lifecycle_rules) as rule
    from aws_s3_bucket
),

enabled as (
    select distinct
        asset_id,
        account_id
    from rules
    where rule['status'] = 'Enabled'
)

select
    aws_s3_bucket.asset_id,
    aws_s3_bucket.account_id,
    aws_s3_bucket.region,
    case
        when cardinality(aws_s3_bucket.lifecycle_rules) > 0 then 'all lifecycle rules are disabled'
        else 'there is no lifecycle rule'
    end as reason
from aws_s3_bucket
left join enabled
    on aws_s3_bucket.account_id = enabled.account_id
    and aws_s3_bucket.asset_id = enabled.asset_id
where enabled.asset_id is null
