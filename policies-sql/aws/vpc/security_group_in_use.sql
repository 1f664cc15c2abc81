/*---
id          = "aws-vpc-security-group-in-use"
title       = "Security groups are in use"
severity    = "low"
category    = "governance"
asset_type  = "aws_vpc_security_group"
description = "Left-over groups are picked again by mistake, with rules that nobody remembers the reason of."
remediation = "`aws ec2 delete-security-group --group-id ID`, after a look at launch templates and stacks that may name it."
fix         = "aws-vpc-delete-unused-group"
how         = { cli = "aws ec2 delete-security-group --group-id ID", terraform = "remove aws_security_group", console = "VPC > Security groups > Actions > Delete" }
references  = ["https://docs.aws.amazon.com/vpc/latest/userguide/vpc-security-groups.html"]
---*/
-- Databases, functions and load balancers show as interfaces too, but not while they are stopped or asleep.
with interfaces as (
    select
        account_id,
        region,
        unnest(groups) as security_group
    from aws_ec2_network_interface
),

databases as (
    select
        account_id,
        region,
        unnest(vpc_security_groups) as membership
    from aws_rds_db_instance
),

used as (
    select
        account_id,
        region,
        security_group['group_id'] as group_id
    from interfaces

    union

    select
        account_id,
        region,
        membership['vpc_security_group_id'] as group_id
    from databases

    union

    select
        account_id,
        region,
        unnest(vpc_security_group_ids) as group_id
    from aws_lambda_function

    union

    select
        account_id,
        region,
        unnest(security_groups) as group_id
    from aws_ec2_application_load_balancer

    union

    -- A group that another one names, in whichever account, cannot be deleted.
    select
        coalesce(referenced_user_id, account_id) as account_id,
        region,
        referenced_group_id as group_id
    from aws_vpc_security_group_rule
    where referenced_group_id <> group_id
)

-- The default group cannot be deleted, and a shared one only by the account that owns it.
select
    sg.asset_id,
    sg.account_id,
    sg.region,
    'nothing uses the group: no network interface has it and no other group names it' as reason,
    sg.group_name,
    sg.vpc_id
from aws_vpc_security_group as sg
left anti join used
    on sg.account_id = used.account_id
    and sg.region = used.region
    and sg.group_id = used.group_id
where
    sg.group_name <> 'default'
    and coalesce(sg.owner_id, sg.account_id) = sg.account_id
