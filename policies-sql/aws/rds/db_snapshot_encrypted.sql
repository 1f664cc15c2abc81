/*---
id          = "aws-rds-db-snapshot-encrypted"
title       = "Database snapshots are encrypted"
severity    = "medium"
category    = "security"
asset_type  = "aws_rds_db_snapshot"
description = "Whoever gets hold of a snapshot that is not encrypted reads the whole database."
remediation = "Copy it with a key and delete the original."
how         = { cli = "aws rds copy-db-snapshot --source-db-snapshot-identifier ID --target-db-snapshot-identifier NEW --kms-key-id KEY", terraform = "aws_db_snapshot_copy: kms_key_id", console = "RDS > Snapshots > Actions > Copy snapshot > Encryption" }
---*/
select
    asset_id,
    account_id,
    region,
    'the snapshot is not encrypted' as reason
from aws_rds_db_snapshot
where not encrypted
