/*---
id          = "aws-cloudwatch-log-group-encrypted"
title       = "Log groups are encrypted with a key of ours"
severity    = "low"
category    = "security"
asset_type  = "aws_cloudwatch_log_group"
description = "A key policy decides who reads the logs."
remediation = "Give the group a key."
how         = { cli = "aws logs associate-kms-key --log-group-name NAME --kms-key-id KEY", terraform = "aws_cloudwatch_log_group: kms_key_id", console = "CloudWatch > Log groups > Actions > Edit KMS key" }
enabled     = false
---*/
-- Null: the list says that there is none.
select
    asset_id,
    account_id,
    region,
    'there is no KMS key' as reason
from aws_cloudwatch_log_group
where kms_key_id is null
