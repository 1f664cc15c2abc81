/*---
id          = "aws-elasticache-replication-group-backups-kept"
title       = "ElastiCache keeps snapshots"
severity    = "low"
category    = "governance"
asset_type  = "aws_elasticache_replication_group"
description = "A cache that is used as a database is lost with its nodes."
remediation = "Keep snapshots."
how         = { cli = "aws elasticache modify-replication-group --replication-group-id ID --snapshot-retention-limit 3", terraform = "aws_elasticache_replication_group: snapshot_retention_limit = 3", console = "ElastiCache > Redis caches > Modify > Backup" }

[params.min_days]
type    = "int"
default = 1
doc     = "Days for which snapshots are kept at least."
---*/
select
    asset_id,
    account_id,
    region,
    'snapshots are kept for ' || snapshot_retention_limit || ' days' as reason
from aws_elasticache_replication_group
where snapshot_retention_limit < $min_days
