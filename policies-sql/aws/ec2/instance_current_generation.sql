/*---
id          = "aws-ec2-instance-current-generation"
title       = "Instances are of a current generation"
severity    = "medium"
category    = "governance"
asset_type  = "aws_ec2_instance"
description = "Old generations cost more for less, lack Nitro's isolation, and one day there is no hardware left to start them on."
remediation = "Stop the instance, change its type (`aws ec2 modify-instance-attribute --instance-id ID --instance-type TYPE`) and start it. A paravirtual AMI has to be replaced by an HVM one first."
how         = { cli = "aws ec2 modify-instance-attribute --instance-id ID --instance-type TYPE", terraform = "aws_instance: instance_type", console = "EC2 > Instances > Actions > Instance settings > Change instance type" }
references  = ["https://aws.amazon.com/ec2/previous-generation/"]

[params.deprecated_families]
type    = "list<string>"
default = ["c1", "c2", "c3", "cc1", "cc2", "cg1", "cr1", "g2", "hi1", "hs1", "i2", "m1", "m2", "m3", "r3", "t1"]
doc     = "Instance families that count as old: the part of the type before the dot."
---*/
-- The whole family is compared: m10 would not be m1.
select
    asset_id,
    account_id,
    region,
    'the type ' || instance_type || ' is of an old generation' as reason,
    instance_type,
    launch_time
from aws_ec2_instance
where
    instance_state = 'running'
    and array_has($deprecated_families, split_part(instance_type, '.', 1))
