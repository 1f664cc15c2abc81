/*---
id          = "aws-kinesis-stream-encrypted"
title       = "Kinesis streams are encrypted"
severity    = "medium"
category    = "security"
asset_type  = "aws_kinesis_stream"
description = "Records lie on disks for days."
remediation = "Turn encryption on."
how         = { cli = "aws kinesis start-stream-encryption --stream-name NAME --encryption-type KMS --key-id alias/aws/kinesis", terraform = "aws_kinesis_stream: encryption_type = \"KMS\"", console = "Kinesis > Data streams > Configuration > Encryption > Edit" }
---*/
select
    asset_id,
    account_id,
    region,
    'records are not encrypted' as reason
from aws_kinesis_stream
where encryption_type = 'NONE'
