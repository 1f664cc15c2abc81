/*---
id          = "aws-rds-db-instance-deletion-protection"
title       = "Database instances are protected from deletion"
severity    = "low"
category    = "governance"
asset_type  = "aws_rds_db_instance"
description = "A protected database cannot be deleted by one wrong command or a template that drops it: somebody has to lift the protection first."
remediation = "`aws rds modify-db-instance --db-instance-identifier NAME --deletion-protection`"
how         = { cli = "aws rds modify-db-instance --db-instance-identifier NAME --deletion-protection", terraform = "aws_db_instance: deletion_protection = true", console = "RDS > Databases > Modify > Deletion protection" }
references  = ["https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_DeleteInstance.html#USER_DeleteInstance.DeletionProtection"]
---*/
-- In a cluster the cluster's own flag protects; its members cannot have one.
select
    asset_id,
    account_id,
    region,
    'deletion protection is off' as reason,
    engine
from aws_rds_db_instance
where
    not deletion_protection
    and db_cluster_identifier is null
