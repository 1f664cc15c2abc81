/*---
id          = "aws-sns-topic-encrypted"
title       = "Topics encrypt their messages with a KMS key"
severity    = "medium"
category    = "security"
asset_type  = "aws_sns_topic"
description = "SNS keeps a message until it is delivered. With a KMS key it lies there encrypted, and the key policy says who may publish."
remediation = "`aws sns set-topic-attributes --topic-arn ARN --attribute-name KmsMasterKeyId --attribute-value KEY`. AWS services can publish only when the key policy lets them: alias/aws/sns does not."
how         = { cli = "aws sns set-topic-attributes --topic-arn ARN --attribute-name KmsMasterKeyId --attribute-value KEY", terraform = "aws_sns_topic: kms_master_key_id", console = "SNS > Topics > Edit > Encryption" }
references  = ["https://docs.aws.amazon.com/sns/latest/dg/sns-server-side-encryption.html"]
---*/
-- The answer leaves out a key that is not set: without an owner there was no answer, and nothing is known.
select
    asset_id,
    account_id,
    region,
    'no KMS key encrypts the messages' as reason
from aws_sns_topic
where
    owner is not null
    and coalesce(kms_master_key_id, '') = ''
