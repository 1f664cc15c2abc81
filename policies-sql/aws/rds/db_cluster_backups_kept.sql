/*---
id          = "aws-rds-db-cluster-backups-kept"
title       = "Database clusters keep backups long enough"
severity    = "medium"
category    = "governance"
asset_type  = "aws_rds_db_cluster"
description = "A mistake that is seen after the last backup has gone cannot be undone."
remediation = "Keep backups longer."
how         = { cli = "aws rds modify-db-cluster --db-cluster-identifier ID --backup-retention-period 7", terraform = "aws_rds_cluster: backup_retention_period = 7", console = "RDS > Databases > cluster > Modify > Backup" }

[params.min_days]
type    = "int"
default = 7
doc     = "Days for which backups are kept at least."
---*/
select
    asset_id,
    account_id,
    region,
    'backups are kept for ' || backup_retention_period || ' days' as reason
from aws_rds_db_cluster
where backup_retention_period < $min_days
