/*---
id          = "aws-cloudtrail-trail-bucket-access-logging"
title       = "Buckets of trails write access logs"
severity    = "low"
category    = "security"
asset_type  = "aws_cloudtrail_trail"
description = "They tell who read or deleted the trail's files."
remediation = "Turn access logging of the bucket on."
how         = { cli = "aws s3api put-bucket-logging --bucket BUCKET --bucket-logging-status file://logging.json", terraform = "aws_s3_bucket_logging", console = "S3 > Buckets > Properties > Server access logging" }
---*/
-- A bucket of an account that is not read is not known.
select
    trail.asset_id,
    trail.account_id,
    trail.region,
    'the bucket ' || trail.s3_bucket_name || ' writes no access logs' as reason
from aws_cloudtrail_trail as trail
inner join aws_s3_bucket as bucket
    on trail.s3_bucket_name = bucket.name
where bucket.logging['target_bucket'] is null
