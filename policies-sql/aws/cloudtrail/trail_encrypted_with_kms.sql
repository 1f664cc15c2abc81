/*---
id          = "aws-cloudtrail-trail-encrypted-with-kms"
title       = "Trails encrypt their log files with a KMS key"
severity    = "medium"
category    = "security"
asset_type  = "aws_cloudtrail_trail"
description = "Whoever may read the bucket reads who did what in the account. With a KMS key it takes the right to that key as well."
remediation = "`aws cloudtrail update-trail --name ARN --kms-key-id KEY`; the key policy has to let CloudTrail encrypt."
how         = { cli = "aws cloudtrail update-trail --name ARN --kms-key-id KEY", terraform = "aws_cloudtrail: kms_key_id", console = "CloudTrail > Trails > General details > Edit > Log file SSE-KMS encryption" }
references  = ["https://docs.aws.amazon.com/awscloudtrail/latest/userguide/encrypting-cloudtrail-log-files-with-aws-kms.html"]
---*/
-- The request that lists a trail also says its key: null means that there is none.
select
    asset_id,
    account_id,
    region,
    'no KMS key encrypts the log files' as reason,
    s3_bucket_name
from aws_cloudtrail_trail
where coalesce(kms_key_id, '') = ''
