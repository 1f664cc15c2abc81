/*---
id          = "aws-neptune-cluster-encrypted"
title       = "Neptune clusters encrypt their storage"
severity    = "high"
category    = "security"
asset_type  = "aws_neptune_db_cluster"
description = "Encryption covers the volumes and the snapshots, and lets a key policy decide who may restore them."
remediation = "Restore an encrypted copy of a snapshot and move the clients."
how         = { cli = "aws neptune restore-db-cluster-from-snapshot --db-cluster-identifier NEW --snapshot-identifier SNAPSHOT --engine neptune --kms-key-id KEY", terraform = "aws_neptune_cluster: storage_encrypted = true", console = "Neptune > Clusters > Create > Encryption" }
---*/
select
    asset_id,
    account_id,
    region,
    'the storage is not encrypted' as reason
from aws_neptune_db_cluster
where not storage_encrypted
