/*---
id          = "aws-vpc-default-security-group-closed"
title       = "Default security groups let nothing in or out"
severity    = "medium"
category    = "security"
asset_type  = "aws_vpc_security_group"
description = "What is started without a security group gets the default one, whose members reach each other and the internet. Without rules such an instance is cut off, and somebody notices."
remediation = "Give what uses the group one of its own, then remove all rules of the default group: `aws ec2 revoke-security-group-ingress` and `aws ec2 revoke-security-group-egress`. The group itself cannot be deleted."
fix         = "aws-vpc-close-default-group"
how         = { cli = "aws ec2 revoke-security-group-ingress --group-id GROUP --security-group-rule-ids RULE", terraform = "aws_default_security_group: without rules", console = "VPC > Security groups > default > Edit inbound rules" }
references  = ["https://docs.aws.amazon.com/vpc/latest/userguide/default-security-group.html"]
---*/
-- An empty list says that there are no rules; null says nothing.
with default_groups as (
    select
        asset_id,
        account_id,
        region,
        vpc_id,
        array_to_string(
            make_array(
                case when cardinality(ip_permissions) > 0 then 'incoming' end,
                case when cardinality(ip_permissions_egress) > 0 then 'outgoing' end
            ),
            ' and '
        ) as directions
    from aws_vpc_security_group
    where
        group_name = 'default'
        and coalesce(owner_id, account_id) = account_id
)

select
    asset_id,
    account_id,
    region,
    'the default group allows ' || directions || ' traffic' as reason,
    vpc_id
from default_groups
where directions <> ''
