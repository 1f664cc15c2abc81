/*---
id          = "aws-docdb-cluster-encrypted"
title       = "DocumentDB clusters encrypt their storage"
severity    = "high"
category    = "security"
asset_type  = "aws_docdb_cluster"
description = "Encryption covers the volumes and the snapshots, and lets a key policy decide who may restore them."
remediation = "Restore an encrypted copy of a snapshot and move the clients."
how         = { cli = "aws docdb restore-db-cluster-from-snapshot --db-cluster-identifier NEW --snapshot-identifier SNAPSHOT --engine docdb --kms-key-id KEY", terraform = "aws_docdb_cluster: storage_encrypted = true", console = "DocumentDB > Clusters > Create > Encryption" }
---*/
select
    asset_id,
    account_id,
    region,
    'the storage is not encrypted' as reason
from aws_docdb_cluster
where not storage_encrypted
