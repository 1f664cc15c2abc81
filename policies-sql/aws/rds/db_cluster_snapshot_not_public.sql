/*---
id          = "aws-rds-db-cluster-snapshot-not-public"
title       = "Cluster snapshots are not public"
severity    = "critical"
category    = "security"
asset_type  = "aws_rds_db_cluster_snapshot"
description = "Everybody with an AWS account can restore a public snapshot and read all that was in the database."
remediation = "Take the share with everybody away, and see who restored it."
how         = { cli = "aws rds modify-db-cluster-snapshot-attribute --db-cluster-snapshot-identifier ID --attribute-name restore --values-to-remove all", terraform = "aws_rds_cluster: shared_accounts", console = "RDS > Snapshots > Actions > Share snapshot" }
---*/
with attributes as (
    select
        asset_id,
        account_id,
        region,
        unnest(db_cluster_snapshot_attributes) as attribute
    from aws_rds_db_cluster_snapshot
)

select
    asset_id,
    account_id,
    region,
    'everybody may restore it' as reason
from attributes
where
    attribute['attribute_name'] = 'restore'
    and array_has(attribute['attribute_values'], 'all')
