/*---
id          = "aws-rds-db-instance-backups-kept"
title       = "Database instances keep their backups long enough"
severity    = "medium"
category    = "governance"
asset_type  = "aws_rds_db_instance"
description = "Automatic backups let a database return to any second of the last days. Too short a time, and a mistake that is found late cannot be undone."
remediation = "`aws rds modify-db-instance --db-instance-identifier NAME --backup-retention-period 7 --apply-immediately`"
how         = { cli = "aws rds modify-db-instance --db-instance-identifier NAME --backup-retention-period 7 --apply-immediately", terraform = "aws_db_instance: backup_retention_period = 7", console = "RDS > Databases > Modify > Backup" }
references  = ["https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_WorkingWithAutomatedBackups.html"]

[params.min_days]
type    = "int"
default = 7
doc     = "For how many days backups have to be kept."

[params.check_read_replicas]
type    = "bool"
default = false
doc     = "Whether read replicas need backups of their own; their source has some."
---*/
-- The backups of a cluster's member are the cluster's.
select
    asset_id,
    account_id,
    region,
    case
        when backup_retention_period = 0 then 'automatic backups are off'
        else 'backups are kept for ' || backup_retention_period || ' days, not ' || $min_days
    end as reason,
    backup_retention_period
from aws_rds_db_instance
where
    backup_retention_period < $min_days
    and db_cluster_identifier is null
    and ($check_read_replicas or read_replica_source_db_instance_identifier is null)
