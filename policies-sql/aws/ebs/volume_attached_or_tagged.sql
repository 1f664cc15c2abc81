/*---
id          = "aws-ebs-volume-attached-or-tagged"
title       = "EBS volumes are attached to something or say which application they belong to"
severity    = "high"
category    = "governance"
asset_type  = "aws_ebs_volume"
description = "A volume that nothing uses and whose owner nobody knows stays for ever, with whatever is on it."
remediation = "Find the owner in CloudTrail's event CreateVolume and tag the volume (`aws ec2 create-tags --resources ID --tags Key=Application,Value=NAME`), or delete it."
how         = { cli = "aws ec2 create-tags --resources ID --tags Key=Application,Value=NAME", terraform = "aws_ebs_volume: tags", console = "EC2 > Volumes > Tags > Manage tags" }
references  = ["https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html"]

[params.application_tag]
type    = "string"
default = "Application"
doc     = "The tag that names the application, in any case."
---*/
-- AWS leaves tags out where there are none, so null is that answer here.
with tags as (
    select
        asset_id,
        account_id,
        unnest(map_entries(tags)) as tag
    from aws_ebs_volume
),

named as (
    select
        asset_id,
        account_id
    from tags
    where
        lower(tag['key']) = lower($application_tag)
        and lower(trim(tag['value'])) not in ('', 'unknown')
)

select
    volume.asset_id,
    volume.account_id,
    volume.region,
    'the volume is attached to nothing and its tag ' || $application_tag || ' names nothing' as reason,
    volume.size,
    volume.create_time
from aws_ebs_volume as volume
left anti join named
    on volume.account_id = named.account_id
    and volume.asset_id = named.asset_id
where volume.state = 'available'
