/*---
id          = "aws-ec2-instance-managed-by-ssm"
title       = "Running instances answer to SSM"
severity    = "high"
category    = "governance"
asset_type  = "aws_ec2_instance"
description = "What SSM does not reach is not patched, not listed and not reached in an emergency."
remediation = "Give the instance a role with AmazonSSMManagedInstanceCore, and start the agent."
how         = { cli = "aws ssm describe-instance-information --filters Key=InstanceIds,Values=ID", terraform = "aws_instance: iam_instance_profile", console = "Systems Manager > Fleet Manager" }

[params.grace_days]
type    = "int"
default = 1
doc     = "Days after the launch in which an instance may join."
---*/
-- A new instance has a while to join.
select
    instance.asset_id,
    instance.account_id,
    instance.region,
    case
        when managed.ping_status is null then 'SSM does not know it'
        else 'its agent is ' || managed.ping_status
    end as reason
from aws_ec2_instance as instance
left join aws_ssm_managed_instance as managed
    on instance.account_id = managed.account_id
    and instance.region = managed.region
    and instance.instance_id = managed.instance_id
where
    instance.instance_state = 'running'
    and date_part('day', now() - instance.launch_time) >= $grace_days
    and coalesce(managed.ping_status, '') <> 'Online'
