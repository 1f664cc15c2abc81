/*---
id          = "aws-elasticache-replication-group-encrypted-at-rest"
title       = "ElastiCache encrypts its disks"
severity    = "medium"
category    = "security"
asset_type  = "aws_elasticache_replication_group"
description = "Snapshots and swap hold what the cache holds."
remediation = "Encryption is chosen when a group is made: make another from a snapshot."
how         = { cli = "aws elasticache create-replication-group --replication-group-id NEW --replication-group-description D --snapshot-name SNAPSHOT --at-rest-encryption-enabled", terraform = "aws_elasticache_replication_group: at_rest_encryption_enabled = true", console = "ElastiCache > Create cache > Security > Encryption at rest" }
---*/
select
    asset_id,
    account_id,
    region,
    'the disks are not encrypted' as reason
from aws_elasticache_replication_group
where not at_rest_encryption_enabled
