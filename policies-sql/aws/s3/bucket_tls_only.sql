/*---
id          = "aws-s3-bucket-tls-only"
title       = "S3 buckets refuse requests without TLS"
severity    = "medium"
category    = "security"
asset_type  = "aws_s3_bucket"
description = "S3 answers over plain HTTP too, where everyone on the way can read and change what is sent. Only a policy of the bucket forbids it."
remediation = "Add a statement to the bucket policy: Deny, Principal `*`, Action `s3:*`, the bucket and its objects as Resource, Condition `{\"Bool\": {\"aws:SecureTransport\": \"false\"}}`."
how         = { cli = "aws s3api put-bucket-policy --bucket NAME --policy file://policy.json", terraform = "aws_s3_bucket_policy: Deny when aws:SecureTransport is false", console = "S3 > Buckets > Permissions > Bucket policy > Edit" }
references  = ["https://docs.aws.amazon.com/AmazonS3/latest/userguide/security-best-practices.html"]
---*/
-- Null means that there is no bucket policy, and then nothing is refused.
with statements as (
    select
        asset_id,
        account_id,
        unnest(policy_std['statement']) as statement
    from aws_s3_bucket
),

-- Nothing less than everyone, every action and no second condition refuses all of plain HTTP.
refusals as (
    select
        asset_id,
        account_id,
        unnest(statement['resource']) as resource
    from statements
    where
        statement['effect'] = 'Deny'
        and array_has(statement['principal']['AWS'], '*')
        and array_has_any(statement['action'], make_array('*', 's3:*'))
        and replace(statement['condition'], ' ', '') ~* '^\{"Bool(IfExists)?":\{"aws:SecureTransport":\[?"?false"?\]?\}\}$'
),

refused as (
    select
        asset_id,
        account_id,
        bool_or(asset_id like replace(replace(resource, '*', '%'), '?', '_')) as bucket,
        bool_or(asset_id || '/an/object' like replace(replace(resource, '*', '%'), '?', '_')) as objects
    from refusals
    group by
        asset_id,
        account_id
)

select
    aws_s3_bucket.asset_id,
    aws_s3_bucket.account_id,
    aws_s3_bucket.region,
    case
        when refused.bucket then 'plain HTTP is refused for the bucket but not for its objects'
        when refused.objects then 'plain HTTP is refused for objects but not for the bucket'
        else 'no policy statement refuses plain HTTP'
    end as reason
from aws_s3_bucket
left join refused
    on aws_s3_bucket.account_id = refused.account_id
    and aws_s3_bucket.asset_id = refused.asset_id
where
    not coalesce(refused.bucket, false)
    or not coalesce(refused.objects, false)
