/*---
id          = "aws-firehose-stream-encrypted"
title       = "Firehose streams are encrypted"
severity    = "medium"
category    = "security"
asset_type  = "aws_kinesis_firehose_delivery_stream"
description = "Records wait on disks before they are delivered."
remediation = "Turn encryption on."
how         = { cli = "aws firehose start-delivery-stream-encryption --delivery-stream-name NAME", terraform = "aws_kinesis_firehose_delivery_stream: server_side_encryption { enabled = true }", console = "Amazon Data Firehose > Streams > Configuration > Server-side encryption" }
---*/
select
    asset_id,
    account_id,
    region,
    'records are not encrypted' as reason
from aws_kinesis_firehose_delivery_stream
where
    coalesce(encryption_status, 'DISABLED') = 'DISABLED'
    and delivery_stream_type = 'DirectPut'
