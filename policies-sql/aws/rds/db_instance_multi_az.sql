/*---
id          = "aws-rds-db-instance-multi-az"
title       = "Database instances have a standby in another zone"
severity    = "medium"
category    = "governance"
asset_type  = "aws_rds_db_instance"
description = "When a zone fails, a standby takes over within minutes. Without one the database is gone until the zone is back or a backup is restored elsewhere."
remediation = "`aws rds modify-db-instance --db-instance-identifier NAME --multi-az`; databases that may be away for a day deserve an exception."
how         = { cli = "aws rds modify-db-instance --db-instance-identifier NAME --multi-az", terraform = "aws_db_instance: multi_az = true", console = "RDS > Databases > Modify > Availability and durability" }
references  = ["https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Concepts.MultiAZSingleStandby.html"]

[params.check_read_replicas]
type    = "bool"
default = false
doc     = "Whether read replicas need a standby of their own."
---*/
-- A cluster spreads its members over zones by itself: they never have a standby of their own.
select
    asset_id,
    account_id,
    region,
    coalesce('there is no standby outside ' || availability_zone, 'there is no standby') as reason,
    engine
from aws_rds_db_instance
where
    not multi_az
    and db_cluster_identifier is null
    and ($check_read_replicas or read_replica_source_db_instance_identifier is null)
