/*---
id          = "aws-ec2-ami-not-old"
title       = "Machine images are not old"
severity    = "low"
category    = "governance"
asset_type  = "aws_ec2_ami"
description = "An old image starts with old holes."
remediation = "Build a new one, and deregister this one."
how         = { cli = "aws ec2 deregister-image --image-id ID", terraform = "aws_ami", console = "EC2 > AMIs > Actions > Deregister AMI" }

[params.max_age_days]
type    = "int"
default = 365
doc     = "Days after which an image is too old."
---*/
select
    asset_id,
    account_id,
    region,
    'made on ' || cast(cast(creation_date as date) as varchar) as reason
from aws_ec2_ami
where date_part('day', now() - creation_date) > $max_age_days
