/*---
id          = "aws-rds-db-cluster-storage-encrypted"
title       = "Database clusters encrypt their storage"
severity    = "high"
category    = "security"
asset_type  = "aws_rds_db_cluster"
description = "Encryption covers the volumes, the snapshots and the replicas, and lets a key policy decide who may restore them."
remediation = "A cluster cannot be encrypted in place: restore an encrypted copy of a snapshot and move its clients."
how         = { cli = "aws rds restore-db-cluster-from-snapshot --db-cluster-identifier NEW --snapshot-identifier SNAPSHOT --engine ENGINE --kms-key-id KEY", terraform = "aws_rds_cluster: storage_encrypted = true", console = "RDS > Snapshots > Restore snapshot > Encryption" }
---*/
select
    asset_id,
    account_id,
    region,
    'the storage is not encrypted' as reason
from aws_rds_db_cluster
where not storage_encrypted
