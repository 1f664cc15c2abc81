/*---
id          = "aws-ebs-volume-encrypted"
title       = "EBS volumes are encrypted"
severity    = "high"
category    = "security"
asset_type  = "aws_ebs_volume"
description = "Who gets hold of an unencrypted volume or of a copy of it reads the data. Encryption costs nothing and slows nothing down."
remediation = "A volume cannot be encrypted in place: make an encrypted copy of its snapshot (`aws ec2 copy-snapshot --encrypted`) and a volume of that. For new ones `aws ec2 enable-ebs-encryption-by-default`."
how         = { cli = "aws ec2 copy-snapshot --source-region REGION --source-snapshot-id ID --encrypted", terraform = "aws_ebs_volume: encrypted = true", console = "EC2 > Snapshots > Actions > Create volume from snapshot > Encrypt this volume" }
references  = ["https://docs.aws.amazon.com/ebs/latest/userguide/encryption-by-default.html"]
---*/
select
    asset_id,
    account_id,
    region,
    'the volume is not encrypted' as reason,
    state,
    size
from aws_ebs_volume
where
    not encrypted
    and coalesce(state, '') not in ('deleting', 'deleted')
