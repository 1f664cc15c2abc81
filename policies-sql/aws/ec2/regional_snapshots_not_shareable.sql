/*---
id          = "aws-ec2-regional-snapshots-not-shareable"
title       = "Snapshots cannot be made public"
severity    = "medium"
category    = "security"
asset_type  = "aws_ec2_regional_settings"
description = "One wrong click publishes a disk."
remediation = "Block public sharing, in each region."
how         = { cli = "aws ec2 enable-snapshot-block-public-access --state block-all-sharing --region REGION", terraform = "aws_ebs_snapshot_block_public_access: state = \"block-all-sharing\"", console = "EC2 > Dashboard > Data protection and security > Block public access for EBS snapshots" }
---*/
select
    asset_id,
    account_id,
    region,
    'snapshots can be made public' as reason
from aws_ec2_regional_settings
where snapshot_block_public_access_state = 'unblocked'
