/*---
id          = "aws-ebs-volume-attached"
title       = "EBS volumes are attached to something"
severity    = "low"
category    = "governance"
asset_type  = "aws_ebs_volume"
description = "A volume that nothing uses is paid for like any other, and keeps data that nobody looks after."
remediation = "Take a snapshot if the data matters (`aws ec2 create-snapshot --volume-id ID`), then `aws ec2 delete-volume --volume-id ID`."
how         = { cli = "aws ec2 delete-volume --volume-id ID", terraform = "remove aws_ebs_volume", console = "EC2 > Volumes > Actions > Delete volume" }
references  = ["https://docs.aws.amazon.com/ebs/latest/userguide/ebs-describing-volumes.html"]
---*/
-- The state and not the list of attachments: volumes of container tasks are attached, but to no instance.
select
    asset_id,
    account_id,
    region,
    'the volume' || coalesce(' of ' || size || ' GiB', '') || ' is attached to nothing' as reason,
    volume_type,
    create_time
from aws_ebs_volume
where state = 'available'
