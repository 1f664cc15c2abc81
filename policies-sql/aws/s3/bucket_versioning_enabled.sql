/*---
id          = "aws-s3-bucket-versioning-enabled"
title       = "S3 buckets keep object versions"
severity    = "medium"
category    = "security"
asset_type  = "aws_s3_bucket"
description = "Without versions an object that was overwritten or deleted, by mistake or by an attacker, is gone."
remediation = "`aws s3api put-bucket-versioning --bucket NAME --versioning-configuration Status=Enabled`, with a lifecycle rule that expires old versions."
fix         = "aws-s3-enable-versioning"
how         = { cli = "aws s3api put-bucket-versioning --bucket NAME --versioning-configuration Status=Enabled", terraform = "aws_s3_bucket_versioning: status = \"Enabled\"", console = "S3 > Buckets > Properties > Bucket Versioning > Edit" }
references  = ["https://docs.aws.amazon.com/AmazonS3/latest/userguide/Versioning.html"]
---*/
-- Null means that the setting could not be read. That is a failed collection, not a violation.
select
    asset_id,
    account_id,
    region,
    case
        when versioning_status = 'Suspended' then 'versioning is suspended'
        else 'versioning is disabled'
    end as reason
from aws_s3_bucket
where not versioning_enabled
