/*---
id          = "aws-efs-file-system-encrypted"
title       = "EFS file systems are encrypted"
severity    = "high"
category    = "security"
asset_type  = "aws_efs_file_system"
description = "Encryption lets a key policy decide who reads the files and their backups."
remediation = "Encryption is chosen when a file system is made: copy the files to another."
how         = { cli = "aws efs create-file-system --encrypted --kms-key-id KEY", terraform = "aws_efs_file_system: encrypted = true", console = "EFS > Create file system > Customize > Encryption" }
---*/
select
    asset_id,
    account_id,
    region,
    'the file system is not encrypted' as reason
from aws_efs_file_system
where not encrypted
