/*---
id          = "aws-rds-db-cluster-deletion-protection"
title       = "Database clusters are protected against deletion"
severity    = "low"
category    = "governance"
asset_type  = "aws_rds_db_cluster"
description = "One wrong command deletes a cluster with its automatic backups."
remediation = "Turn deletion protection on."
how         = { cli = "aws rds modify-db-cluster --db-cluster-identifier ID --deletion-protection", terraform = "aws_rds_cluster: deletion_protection = true", console = "RDS > Databases > cluster > Modify > Deletion protection" }
---*/
select
    asset_id,
    account_id,
    region,
    'the cluster can be deleted' as reason
from aws_rds_db_cluster
where not deletion_protection
