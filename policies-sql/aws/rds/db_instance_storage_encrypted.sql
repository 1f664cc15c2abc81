/*---
id          = "aws-rds-db-instance-storage-encrypted"
title       = "Database instances encrypt their storage"
severity    = "high"
category    = "security"
asset_type  = "aws_rds_db_instance"
description = "Encryption covers the data files, the logs, the snapshots and the replicas, and lets a key policy decide who may restore them."
remediation = "An instance cannot be encrypted in place: copy a snapshot with `aws rds copy-db-snapshot --kms-key-id KEY`, restore an instance from the copy and move its clients there."
how         = { cli = "aws rds copy-db-snapshot --source-db-snapshot-identifier ID --target-db-snapshot-identifier NEW --kms-key-id KEY", terraform = "aws_db_instance: storage_encrypted = true", console = "RDS > Snapshots > Actions > Copy snapshot > Encryption" }
references  = ["https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Overview.Encryption.html"]
---*/
-- With a key that RDS owns there is no KMS key, but there is encryption.
select
    asset_id,
    account_id,
    region,
    'the storage is not encrypted' as reason,
    engine
from aws_rds_db_instance
where
    not storage_encrypted
    and coalesce(storage_encryption_type, 'none') = 'none'
