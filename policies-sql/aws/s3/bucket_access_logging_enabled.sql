/*---
id          = "aws-s3-bucket-access-logging-enabled"
title       = "S3 buckets log who reads and writes them"
severity    = "high"
category    = "governance"
asset_type  = "aws_s3_bucket"
description = "Without server access logs nobody can say after an incident which objects were read, and by whom."
remediation = "`aws s3api put-bucket-logging` with a target bucket of the same account and region."
fix         = "aws-s3-enable-logging"
how         = { cli = "aws s3api put-bucket-logging --bucket NAME --bucket-logging-status file://logging.json", terraform = "aws_s3_bucket_logging", console = "S3 > Buckets > Properties > Server access logging > Edit" }
references  = ["https://docs.aws.amazon.com/AmazonS3/latest/userguide/ServerLogs.html"]

[params.exempt_log_targets]
type    = "bool"
default = true
doc     = "Whether buckets that take other buckets' logs need none of their own: a bucket that logs into itself never stops growing."

[params.exempt_buckets]
type    = "list<string>"
default = []
doc     = "Names of further buckets that need no logs."
---*/
-- Public buckets are judged too: their missing logs are the more pressing ones. Null means that logging is off: the
-- answer for such a bucket is empty.
with log_targets as (
    select distinct
        account_id,
        logging['target_bucket'] as bucket_name
    from aws_s3_bucket
    where
        logging['target_bucket'] is not null
        and logging['target_bucket'] <> bucket_name
)

select
    aws_s3_bucket.asset_id,
    aws_s3_bucket.account_id,
    aws_s3_bucket.region,
    'server access logs are off' as reason
from aws_s3_bucket
left join log_targets
    on aws_s3_bucket.account_id = log_targets.account_id
    and aws_s3_bucket.bucket_name = log_targets.bucket_name
where
    aws_s3_bucket.logging['target_bucket'] is null
    and not (log_targets.bucket_name is not null and $exempt_log_targets)
    and not array_has($exempt_buckets, aws_s3_bucket.bucket_name)
