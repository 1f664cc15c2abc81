/*---
id          = "aws-vpc-network-acl-no-internet-admin"
title       = "Network ACLs keep SSH and RDP from the internet"
severity    = "medium"
category    = "security"
asset_type  = "aws_vpc_network_acl"
description = "An ACL guards what a security group forgot."
remediation = "Replace the entry by one for the addresses that need it."
how         = { cli = "aws ec2 delete-network-acl-entry --network-acl-id ID --rule-number N --ingress", terraform = "aws_network_acl_rule", console = "VPC > Network ACLs > Inbound rules > Edit" }

[params.ports]
type    = "list<int>"
default = [22, 3389]
doc     = "Ports for administration."
---*/
-- The default ACL of AWS lets everything in; it counts when it guards a subnet.
with entries as (
    select
        asset_id,
        account_id,
        region,
        unnest(entries) as entry
    from aws_vpc_network_acl
    where array_length(associations) > 0
),

ports as (
    select unnest(cast($ports as bigint[])) as port
)

select
    entries.asset_id,
    entries.account_id,
    entries.region,
    'port ' || ports.port || ' is open to '
    || string_agg(distinct coalesce(entries.entry['cidr_block'], entries.entry['ipv6_cidr_block']), ', ') as reason,
    cast(ports.port as varchar) as key
from entries
cross join ports
where
    not entries.entry['egress']
    and entries.entry['rule_action'] = 'allow'
    and (entries.entry['cidr_block'] = '0.0.0.0/0' or entries.entry['ipv6_cidr_block'] = '::/0')
    and (
        entries.entry['protocol'] = '-1'
        or (
            entries.entry['protocol'] = '6'
            and ports.port between entries.entry['port_range']['from'] and entries.entry['port_range']['to']
        )
    )
group by
    entries.asset_id,
    entries.account_id,
    entries.region,
    ports.port
