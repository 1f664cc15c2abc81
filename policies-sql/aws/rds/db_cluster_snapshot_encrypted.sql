/*---
id          = "aws-rds-db-cluster-snapshot-encrypted"
title       = "Cluster snapshots are encrypted"
severity    = "medium"
category    = "security"
asset_type  = "aws_rds_db_cluster_snapshot"
description = "Whoever gets hold of a snapshot that is not encrypted reads the whole database."
remediation = "Copy it with a key and delete the original."
how         = { cli = "aws rds copy-db-cluster-snapshot --source-db-cluster-snapshot-identifier ID --target-db-cluster-snapshot-identifier NEW --kms-key-id KEY", terraform = "aws_rds_cluster: storage_encrypted = true", console = "RDS > Snapshots > Actions > Copy snapshot > Encryption" }
---*/
select
    asset_id,
    account_id,
    region,
    'the snapshot is not encrypted' as reason
from aws_rds_db_cluster_snapshot
where not storage_encrypted
