/*---
id          = "aws-redshift-cluster-backups-kept"
title       = "Redshift clusters keep automatic snapshots"
severity    = "medium"
category    = "governance"
asset_type  = "aws_redshift_cluster"
description = "Without snapshots a deleted table is gone."
remediation = "Keep automatic snapshots longer."
how         = { cli = "aws redshift modify-cluster --cluster-identifier ID --automated-snapshot-retention-period 7", terraform = "aws_redshift_cluster: automated_snapshot_retention_period = 7", console = "Redshift > Clusters > Maintenance > Edit" }

[params.min_days]
type    = "int"
default = 7
doc     = "Days for which automatic snapshots are kept at least."
---*/
select
    asset_id,
    account_id,
    region,
    'automatic snapshots are kept for ' || automated_snapshot_retention_period || ' days' as reason
from aws_redshift_cluster
where automated_snapshot_retention_period < $min_days
