/*---
id          = "aws-rds-db-instance-not-open-to-world"
title       = "Database instances cannot be reached from the internet"
severity    = "critical"
category    = "security"
asset_type  = "aws_rds_db_instance"
description = "A public address and a security group that lets everyone in on the database's port leave the password as the only defence."
remediation = "Take the rule for 0.0.0.0/0 or ::/0 out of the security group (`aws ec2 revoke-security-group-ingress`), then the public address from the instance: `aws rds modify-db-instance --db-instance-identifier NAME --no-publicly-accessible`."
fix         = "aws-rds-close-instance"
how         = { cli = "aws ec2 revoke-security-group-ingress --group-id GROUP --security-group-rule-ids RULE", terraform = "aws_db_instance: publicly_accessible = false", console = "RDS > Databases > Connectivity & security > VPC security groups" }
references  = ["https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Overview.RDSSecurityGroups.html"]
---*/
-- An instance without an endpoint is still being made. Only TCP reaches a database.
with memberships as (
    select
        asset_id,
        account_id,
        region,
        endpoint_address,
        endpoint_port,
        unnest(vpc_security_groups) as membership
    from aws_rds_db_instance
    where
        publicly_accessible
        and endpoint_port is not null
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
    from aws_rds_db_instance
    where publicly_accessible
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
        and subnets.subnet['subnet_identifier'] = own.subnet_id
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

select
    memberships.asset_id,
    memberships.account_id,
    memberships.region,
    'port ' || memberships.endpoint_port || ' is open to '
    || string_agg(distinct open_rules.way, ', ' order by open_rules.way) as reason,
    memberships.endpoint_address
from memberships
inner join open_rules
    on memberships.account_id = open_rules.account_id
    and memberships.region = open_rules.region
    and memberships.membership['vpc_security_group_id'] = open_rules.group_id
left anti join cut_off
    on memberships.account_id = cut_off.account_id
    and memberships.asset_id = cut_off.asset_id
where
    memberships.endpoint_port between open_rules.from_port and open_rules.to_port
    and coalesce(memberships.membership['status'], 'active') <> 'removing'
group by
    memberships.asset_id,
    memberships.account_id,
    memberships.region,
    memberships.endpoint_port,
    memberships.endpoint_address
