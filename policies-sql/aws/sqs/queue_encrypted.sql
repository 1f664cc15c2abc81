/*---
id          = "aws-sqs-queue-encrypted"
title       = "Queues encrypt their messages"
severity    = "medium"
category    = "security"
asset_type  = "aws_sqs_queue"
description = "New queues are encrypted by a key of SQS. Older ones, and those on which it was switched off, keep messages as they are."
remediation = "`aws sqs set-queue-attributes --queue-url URL --attributes SqsManagedSseEnabled=true`, or KmsMasterKeyId=KEY for a key of your own."
how         = { cli = "aws sqs set-queue-attributes --queue-url URL --attributes SqsManagedSseEnabled=true", terraform = "aws_sqs_queue: sqs_managed_sse_enabled = true", console = "SQS > Queues > Edit > Encryption" }
references  = ["https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-server-side-encryption.html"]
---*/
-- Settings that are off may be left out of the answer: without an ARN there was no answer, and nothing is known.
select
    asset_id,
    account_id,
    region,
    'messages are not encrypted' as reason,
    queue_arn
from aws_sqs_queue
where
    queue_arn is not null
    and coalesce(kms_master_key_id, '') = ''
    and not coalesce(sqs_managed_sse_enabled, false)
