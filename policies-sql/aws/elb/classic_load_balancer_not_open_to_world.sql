/*---
id          = "aws-elb-classic-load-balancer-not-open-to-world"
title       = "Classic load balancers cannot be reached from the internet"
severity    = "critical"
category    = "security"
asset_type  = "aws_ec2_classic_load_balancer"
description = "A load balancer on the internet that lets everyone in opens what is behind it to everyone. That should be a decision, not a default."
remediation = "Take the rules for 0.0.0.0/0 and ::/0 out of its security groups, or list the ports that may be public in `public_ports`."
fix         = "aws-elb-close-classic-load-balancer"
how         = { cli = "aws ec2 revoke-security-group-ingress --group-id GROUP --security-group-rule-ids RULE", terraform = "aws_elb: internal = true", console = "EC2 > Load Balancers > Security > Edit" }

[params.public_ports]
type    = "list<int>"
default = []
doc     = "Ports on which load balancers may serve the whole internet, for example 443."
---*/
-- An open rule without a listener behind it lets nobody in. All of its protocols come over TCP.
with internet_facing as (
    select
        asset_id,
        account_id,
        region,
        dns_name,
        security_groups,
        unnest(listener_descriptions) as listener
    from aws_ec2_classic_load_balancer
    where scheme = 'internet-facing'
),

listeners as (
    select
        asset_id,
        account_id,
        region,
        dns_name,
        listener['listener']['load_balancer_port'] as port,
        unnest(security_groups) as group_id
    from internet_facing
),

open_rules as (
    select
        account_id,
        region,
        group_id,
        case
            when cidr_ipv4 = '0.0.0.0/0' then cidr_ipv4
            else cidr_ipv6
        end || ' by rule ' || security_group_rule_id as way,
        -- A rule for all traffic covers every port and names none.
        case when ip_protocol = '-1' then 0 else from_port end as from_port,
        case when ip_protocol = '-1' then 65535 else to_port end as to_port
    from aws_vpc_security_group_rule
    where
        not is_egress
        and ip_protocol in ('-1', 'tcp', '6')
        and (cidr_ipv4 = '0.0.0.0/0' or cidr_ipv6 = '::/0')
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

subnets as (
    select
        asset_id,
        account_id,
        region,
        vpc_id as vpc_id,
        unnest(subnets) as subnet
    from aws_ec2_classic_load_balancer
    where scheme = 'internet-facing'
),

-- Nobody gets to what is only in subnets without a route to an internet gateway. Where routes are unknown there is one.
cut_off as (
    select
        subnets.asset_id,
        subnets.account_id
    from subnets
    left join routing as own
        on subnets.account_id = own.account_id
        and subnets.region = own.region
        and subnets.subnet = own.subnet_id
    left join routing as main
        on subnets.account_id = main.account_id
        and subnets.region = main.region
        and subnets.vpc_id = main.vpc_id
        and main.is_main
    group by
        subnets.asset_id,
        subnets.account_id
    having not bool_or(coalesce(own.is_public, main.is_public, true))
)

-- Each port is a violation of its own: one may be public on purpose where the other is not.
select
    listeners.asset_id,
    listeners.account_id,
    listeners.region,
    'port ' || listeners.port || ' is open to '
    || string_agg(distinct open_rules.way, ', ' order by open_rules.way) as reason,
    cast(listeners.port as varchar) as key,
    listeners.dns_name
from listeners
inner join open_rules
    on listeners.account_id = open_rules.account_id
    and listeners.region = open_rules.region
    and listeners.group_id = open_rules.group_id
left anti join cut_off
    on listeners.account_id = cut_off.account_id
    and listeners.asset_id = cut_off.asset_id
where
    listeners.port between open_rules.from_port and open_rules.to_port
    and not coalesce(array_has($public_ports, listeners.port), false)
group by
    listeners.asset_id,
    listeners.account_id,
    listeners.region,
    listeners.port,
    listeners.dns_name
