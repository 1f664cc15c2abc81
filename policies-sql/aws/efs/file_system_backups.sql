/*---
id          = "aws-efs-file-system-backups"
title       = "EFS file systems are backed up"
severity    = "medium"
category    = "governance"
asset_type  = "aws_efs_file_system"
description = "Files that are deleted or encrypted by an attacker come back from a backup only."
remediation = "Turn automatic backups on."
how         = { cli = "aws efs put-backup-policy --file-system-id ID --backup-policy Status=ENABLED", terraform = "aws_efs_backup_policy: status = \"ENABLED\"", console = "EFS > File systems > Edit > Automatic backups" }
---*/
-- Null: AWS says that no backup policy was ever set, which is off.
select
    asset_id,
    account_id,
    region,
    'automatic backups are off' as reason
from aws_efs_file_system
where coalesce(automatic_backups, 'DISABLED') in ('DISABLED', 'DISABLING')
