/*---
id          = "aws-elasticache-replication-group-authenticated"
title       = "ElastiCache asks clients who they are"
severity    = "medium"
category    = "security"
asset_type  = "aws_elasticache_replication_group"
description = "Without a password or users, whoever reaches the port reads and empties the cache."
remediation = "Give it a user group, or a password."
how         = { cli = "aws elasticache modify-replication-group --replication-group-id ID --user-group-ids-to-add GROUP", terraform = "aws_elasticache_replication_group: user_group_ids", console = "ElastiCache > Redis caches > Modify > Access control" }
---*/
select
    asset_id,
    account_id,
    region,
    'there is neither a password nor a user group' as reason
from aws_elasticache_replication_group
where
    not auth_token_enabled
    and coalesce(cardinality(user_group_ids), 0) = 0
