/*---
id          = "aws-elasticache-replication-group-encrypted-in-transit"
title       = "ElastiCache encrypts its connections"
severity    = "high"
category    = "security"
asset_type  = "aws_elasticache_replication_group"
description = "Passwords and sessions pass the network as they are without it."
remediation = "Turn encryption in transit on, first as preferred, then as required."
how         = { cli = "aws elasticache modify-replication-group --replication-group-id ID --transit-encryption-enabled --transit-encryption-mode preferred --apply-immediately", terraform = "aws_elasticache_replication_group: transit_encryption_enabled = true", console = "ElastiCache > Redis caches > Modify > Encryption in transit" }
---*/
select
    asset_id,
    account_id,
    region,
    'connections are not encrypted' as reason
from aws_elasticache_replication_group
where not transit_encryption_enabled
