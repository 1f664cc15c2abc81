/*---
id          = "aws-ebs-snapshot-encrypted"
title       = "EBS snapshots are encrypted"
severity    = "high"
category    = "security"
asset_type  = "aws_ebs_snapshot"
description = "A snapshot is a copy that is easily shared. Unencrypted, whoever gets it reads all of the volume; encrypted, they need the key as well."
remediation = "Copy it with a key and delete the original: `aws ec2 copy-snapshot --source-region REGION --source-snapshot-id ID --encrypted --kms-key-id KEY`. Snapshots of encrypted volumes are encrypted."
how         = { cli = "aws ec2 copy-snapshot --source-region REGION --source-snapshot-id ID --encrypted --kms-key-id KEY", terraform = "aws_ebs_snapshot_copy: encrypted = true", console = "EC2 > Snapshots > Actions > Copy snapshot > Encrypt this snapshot" }
references  = ["https://docs.aws.amazon.com/ebs/latest/userguide/ebs-encryption.html"]
---*/
select
    asset_id,
    account_id,
    region,
    'the snapshot is not encrypted' as reason,
    volume_id,
    start_time
from aws_ebs_snapshot
where not encrypted
