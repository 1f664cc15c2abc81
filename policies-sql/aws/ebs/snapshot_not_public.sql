/*---
id          = "aws-ebs-snapshot-not-public"
title       = "EBS snapshots are not public"
severity    = "critical"
category    = "security"
asset_type  = "aws_ebs_snapshot"
description = "Everybody with an AWS account can make a volume of a public snapshot and read it, and there are people who do so with every new one."
remediation = "`aws ec2 modify-snapshot-attribute --snapshot-id ID --attribute createVolumePermission --operation-type remove --group-names all`; for the whole region `aws ec2 enable-snapshot-block-public-access --state block-all-sharing`."
fix         = "aws-ebs-make-snapshot-private"
how         = { cli = "aws ec2 modify-snapshot-attribute --snapshot-id ID --attribute createVolumePermission --operation-type remove --group-names all", terraform = "aws_ebs_snapshot_block_public_access: state = \"block-all-sharing\"", console = "EC2 > Snapshots > Actions > Modify permissions > Private" }
references  = ["https://docs.aws.amazon.com/ebs/latest/userguide/block-public-access-snapshots.html"]
---*/
-- Accounts that are named one by one are not the public.
with permissions as (
    select
        asset_id,
        account_id,
        region,
        volume_id,
        encrypted,
        unnest(create_volume_permissions) as permission
    from aws_ebs_snapshot
)

select distinct
    asset_id,
    account_id,
    region,
    'everybody may make volumes of the snapshot' as reason,
    volume_id,
    encrypted
from permissions
where permission['group'] = 'all'
