/*---
id          = "aws-cloudtrail-trail-log-file-validation"
title       = "Trails sign their log files"
severity    = "medium"
category    = "security"
asset_type  = "aws_cloudtrail_trail"
description = "With validation on, CloudTrail delivers signed digests every hour. By them a log file that was changed or deleted shows."
remediation = "`aws cloudtrail update-trail --name ARN --enable-log-file-validation`"
fix         = "aws-cloudtrail-validate-logs"
how         = { cli = "aws cloudtrail update-trail --name ARN --enable-log-file-validation", terraform = "aws_cloudtrail: enable_log_file_validation = true", console = "CloudTrail > Trails > General details > Edit > Log file validation" }
references  = ["https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-validation-intro.html"]
---*/
select
    asset_id,
    account_id,
    region,
    'log file validation is off' as reason,
    s3_bucket_name
from aws_cloudtrail_trail
where not log_file_validation_enabled
