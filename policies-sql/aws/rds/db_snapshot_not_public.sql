/*---
id          = "aws-rds-db-snapshot-not-public"
title       = "Database snapshots are not public"
severity    = "critical"
category    = "security"
asset_type  = "aws_rds_db_snapshot"
description = "Everybody with an AWS account can restore a public snapshot and read all that was in the database."
remediation = "Take the share with everybody away, and see who restored it."
how         = { cli = "aws rds modify-db-snapshot-attribute --db-snapshot-identifier ID --attribute-name restore --values-to-remove all", terraform = "aws_db_snapshot: shared_accounts", console = "RDS > Snapshots > Actions > Share snapshot" }
---*/
with attributes as (
    select
        asset_id,
        account_id,
        region,
        unnest(db_snapshot_attributes) as attribute
    from aws_rds_db_snapshot
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
