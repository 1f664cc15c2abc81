/*---
id          = "aws-rds-db-instance-auto-minor-version-upgrade"
title       = "Database instances take minor versions by themselves"
severity    = "medium"
category    = "security"
asset_type  = "aws_rds_db_instance"
description = "Minor versions bring security patches. Who installs them by hand installs them late."
remediation = "`aws rds modify-db-instance --db-instance-identifier NAME --auto-minor-version-upgrade`"
how         = { cli = "aws rds modify-db-instance --db-instance-identifier NAME --auto-minor-version-upgrade", terraform = "aws_db_instance: auto_minor_version_upgrade = true", console = "RDS > Databases > Modify > Maintenance" }
references  = ["https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_UpgradeDBInstance.Upgrading.html"]
---*/
-- DocumentDB takes no notice of the flag, and RDS Custom (custom-…) wants it off.
select
    asset_id,
    account_id,
    region,
    coalesce('minor versions after ' || engine_version || ' wait for somebody', 'minor versions wait for somebody') as reason,
    engine
from aws_rds_db_instance
where
    not auto_minor_version_upgrade
    and coalesce(engine, '') <> 'docdb'
    and coalesce(engine, '') not like 'custom-%'
