/*---
id          = "aws-docdb-cluster-deletion-protection"
title       = "DocumentDB clusters are protected against deletion"
severity    = "low"
category    = "governance"
asset_type  = "aws_docdb_cluster"
description = "One wrong command deletes a cluster with its automatic backups."
remediation = "Turn deletion protection on."
how         = { cli = "aws docdb modify-db-cluster --db-cluster-identifier ID --deletion-protection", terraform = "aws_docdb_cluster: deletion_protection = true", console = "DocumentDB > Clusters > Modify > Deletion protection" }
---*/
select
    asset_id,
    account_id,
    region,
    'the cluster can be deleted' as reason
from aws_docdb_cluster
where not deletion_protection
