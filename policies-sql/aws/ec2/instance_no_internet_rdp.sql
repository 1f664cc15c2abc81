/*---
id          = "aws-ec2-instance-no-internet-rdp"
title       = "Instances keep Remote Desktop from the internet"
severity    = "critical"
category    = "security"
asset_type  = "aws_ec2_instance"
description = "Remote Desktop on the internet is how much ransomware gets in."
remediation = "`aws ec2 revoke-security-group-ingress --group-id GROUP --security-group-rule-ids RULE`; use Fleet Manager, or a gateway that only a few fixed addresses reach."
fix         = "aws-ec2-close-instance"
how         = { cli = "aws ec2 revoke-security-group-ingress --group-id GROUP --security-group-rule-ids RULE", terraform = "aws_vpc_security_group_ingress_rule: cidr_ipv4 of those who need it", console = "VPC > Security groups > Inbound rules > Edit inbound rules" }
references  = ["https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-security-groups.html"]

[params.tcp_ports]
type    = "list<int>"
default = [3389]
doc     = "TCP ports that may not be open to the internet. RDP uses UDP as well as TCP."

[params.udp_ports]
type    = "list<int>"
default = [3389]
doc     = "UDP ports that may not be open to the internet."
---*/
-- Each interface has its own addresses and groups. A rule for ::/0 lets nobody in where there is no IPv6 address, and one
-- for 0.0.0.0/0 nobody where there is no public one. Nobody gets into a subnet without a route to an internet gateway; a
-- subnet whose routes are unknown is taken to have one.
-- Without ports a rule covers every port, and so does one for every protocol, whatever ports it names.
with ports as (
    select
        'tcp' as protocol,
        '6' as protocol_number,
        unnest(cast($tcp_ports as bigint[])) as port

    union all

    select
        'udp' as protocol,
        '17' as protocol_number,
        unnest(cast($udp_ports as bigint[])) as port
),

interfaces as (
    select
        asset_id,
        account_id,
        region,
        unnest(network_interfaces) as interface
    from aws_ec2_instance
    where instance_state = 'running'
),

memberships as (
    select
        asset_id,
        account_id,
        region,
        interface['association']['public_ip'] as public_ip,
        interface['ipv6_addresses'][1]['ipv6_address'] as ipv6_address,
        interface['vpc_id'] as vpc_id,
        interface['subnet_id'] as subnet_id,
        unnest(interface['groups']) as security_group
    from interfaces
),

-- A subnet has the routes of its own table, else those of the main table of its VPC.
associations as (
    select
        account_id,
        region,
        vpc_id,
        route_table_id,
        unnest(associations) as association
    from aws_vpc_route_table
),

table_routes as (
    select
        account_id,
        region,
        route_table_id,
        unnest(routes) as route
    from aws_vpc_route_table
),

internet_tables as (
    select distinct
        account_id,
        region,
        route_table_id
    from table_routes
    where
        (route['destination_cidr_block'] = '0.0.0.0/0' or route['destination_ipv6_cidr_block'] = '::/0')
        and starts_with(route['gateway_id'], 'igw-')
        and coalesce(route['state'], 'active') = 'active'
),

routing as (
    select
        associations.account_id,
        associations.region,
        associations.vpc_id,
        associations.association['subnet_id'] as subnet_id,
        coalesce(associations.association['main'], false) as is_main,
        internet_tables.route_table_id is not null as is_public
    from associations
    left join internet_tables
        on associations.account_id = internet_tables.account_id
        and associations.region = internet_tables.region
        and associations.route_table_id = internet_tables.route_table_id
),

open_rules as (
    select
        account_id,
        region,
        group_id,
        ip_protocol,
        case when ip_protocol = '-1' then 0 else coalesce(nullif(from_port, -1), 0) end as from_port,
        case when ip_protocol = '-1' then 65535 else coalesce(nullif(to_port, -1), 65535) end as to_port,
        case when cidr_ipv4 = '0.0.0.0/0' then cidr_ipv4 else cidr_ipv6 end as cidr,
        security_group_rule_id
    from aws_vpc_security_group_rule
    where
        not is_egress
        and (cidr_ipv4 = '0.0.0.0/0' or cidr_ipv6 = '::/0')
),

openings as (
    select
        memberships.asset_id,
        memberships.account_id,
        memberships.region,
        coalesce(memberships.public_ip, memberships.ipv6_address) as address,
        ports.protocol || ' ' || ports.port || ' is open to ' || open_rules.cidr
        || ' by rule ' || open_rules.security_group_rule_id as way
    from memberships
    inner join open_rules
        on memberships.account_id = open_rules.account_id
        and memberships.region = open_rules.region
        and memberships.security_group['group_id'] = open_rules.group_id
        and (
            (open_rules.cidr = '0.0.0.0/0' and memberships.public_ip is not null)
            or (open_rules.cidr = '::/0' and memberships.ipv6_address is not null)
        )
    inner join ports
        on open_rules.ip_protocol in ('-1', ports.protocol, ports.protocol_number)
        and ports.port between open_rules.from_port and open_rules.to_port
    left join routing as own
        on memberships.account_id = own.account_id
        and memberships.region = own.region
        and memberships.subnet_id = own.subnet_id
    left join routing as main
        on memberships.account_id = main.account_id
        and memberships.region = main.region
        and memberships.vpc_id = main.vpc_id
        and main.is_main
    where coalesce(own.is_public, main.is_public, true)
)

select
    asset_id,
    account_id,
    region,
    string_agg(distinct way, ', ' order by way) as reason,
    min(address) as address
from openings
group by
    asset_id,
    account_id,
    region
