/*---
id          = "aws-s3-bucket-mfa-delete-enabled"
title       = "S3 buckets ask for an MFA code before a version is deleted"
severity    = "high"
category    = "security"
asset_type  = "aws_s3_bucket"
description = "With stolen credentials all versions of an object can be deleted. MFA delete asks for the root user's device as well."
remediation = "As root user with its MFA device: `aws s3api put-bucket-versioning --bucket NAME --versioning-configuration Status=Enabled,MFADelete=Enabled --mfa 'SERIAL CODE'`."
how         = { cli = "aws s3api put-bucket-versioning --bucket NAME --versioning-configuration Status=Enabled,MFADelete=Enabled --mfa 'SERIAL CODE'", terraform = "aws_s3_bucket_versioning: mfa_delete = \"Enabled\"", console = "none: the console cannot; the root user uses the CLI" }
references  = ["https://docs.aws.amazon.com/AmazonS3/latest/userguide/MultiFactorAuthenticationDelete.html"]
---*/
-- Null means that the setting could not be read: false is what a bucket answers that never had it.
select
    asset_id,
    account_id,
    region,
    'MFA delete is off' as reason,
    versioning_enabled
from aws_s3_bucket
where not versioning_mfa_delete
