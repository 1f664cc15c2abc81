/*---
id          = "aws-s3-bucket-encryption-enabled"
title       = "S3 buckets encrypt new objects by default"
severity    = "medium"
category    = "security"
asset_type  = "aws_s3_bucket"
description = "Default encryption covers every object whose writer did not ask for it. Set `algorithms` to the KMS ones to demand a key whose use can be watched and withdrawn."
remediation = "`aws s3api put-bucket-encryption` with a rule for AES256, aws:kms or aws:kms:dsse. Objects that are already there keep what they have."
fix         = "aws-s3-encrypt"
how         = { cli = "aws s3api put-bucket-encryption --bucket NAME --server-side-encryption-configuration file://encryption.json", terraform = "aws_s3_bucket_server_side_encryption_configuration", console = "S3 > Buckets > Properties > Default encryption > Edit" }
references  = ["https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-encryption.html"]

[params.algorithms]
type    = "list<string>"
default = ["AES256", "aws:kms", "aws:kms:dsse"]
doc     = "Algorithms that are good enough."
---*/
with defaults as (
    select
        asset_id,
        account_id,
        region,
        -- S3 takes one rule for a bucket.
        server_side_encryption_configuration['rules'][1]['apply_server_side_encryption_by_default'] as encryption
    from aws_s3_bucket
)

-- Null means that no default encryption is configured, which S3 answers as an error of its own.
select
    asset_id,
    account_id,
    region,
    case
        when encryption['sse_algorithm'] is null then 'there is no default encryption'
        else 'the default encryption is ' || encryption['sse_algorithm']
    end as reason,
    encryption['sse_algorithm'] as algorithm,
    encryption['kms_master_key_id'] as kms_key_id
from defaults
where
    encryption['sse_algorithm'] is null
    or not array_has($algorithms, encryption['sse_algorithm'])
