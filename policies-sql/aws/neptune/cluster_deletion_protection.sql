/*---
id          = "aws-neptune-cluster-deletion-protection"
title       = "Neptune clusters are protected against deletion"
severity    = "low"
category    = "governance"
asset_type  = "aws_neptune_db_cluster"
description = "One wrong command deletes a cluster with its automatic backups."
remediation = "Turn deletion protection on."
how         = { cli = "aws neptune modify-db-cluster --db-cluster-identifier ID --deletion-protection", terraform = "aws_neptune_cluster: deletion_protection = true", console = "Neptune > Clusters > Modify > Deletion protection" }
---*/
select
    asset_id,
    account_id,
    region,
    'the cluster can be deleted' as reason
from aws_neptune_db_cluster
where not deletion_protection
