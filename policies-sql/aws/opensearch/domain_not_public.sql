/*---
id          = "aws-opensearch-domain-not-public"
title       = "No OpenSearch domain is open to the internet"
severity    = "critical"
category    = "security"
asset_type  = "aws_opensearch_domain"
description = "Everybody could search and change the documents."
remediation = "Name principals or addresses in the policy; in a VPC take the rules for 0.0.0.0/0 and ::/0 out of the security groups."
fix         = "aws-opensearch-make-private"
how         = { cli = "aws opensearch update-domain-config --domain-name NAME --access-policies file://policy.json", terraform = "aws_opensearch_domain_policy", console = "OpenSearch Service > Domains > Security configuration > Access policy" }

[params.pinning_keys]
type    = "list<string>"
default = ["aws:PrincipalAccount", "aws:PrincipalArn", "aws:PrincipalOrgID", "aws:PrincipalOrgPaths", "aws:SourceAccount", "aws:SourceArn", "aws:SourceIp", "aws:SourceOrgID", "aws:SourceOrgPaths", "aws:SourceOwner", "aws:SourceVpc", "aws:SourceVpce", "aws:userid"]
doc     = "Condition keys that pin a statement to known callers when they have to equal fixed values."
---*/
-- The policy guards a public endpoint; in a VPC the security groups do. A null policy lets nobody else in, or was not read.
with statements as (
    select
        asset_id,
        account_id,
        region,
        unnest(policy_std['statement']) as statement
    from aws_opensearch_domain
    where vpc_options['vpc_id'] is null
),

-- Allow with NotPrincipal is everyone but the few that it names. A condition narrows when it wants a pinning key to
-- equal fixed values: not `*`, not 0.0.0.0/0, and not with …IfExists or ForAllValues, which a missing key passes.
public_statements as (
    select
        asset_id,
        account_id,
        region,
        coalesce(nullif(statement['sid'], ''), 'without Sid') as sid
    from statements
    where
        statement['effect'] = 'Allow'
        and (array_has(statement['principal']['AWS'], '*') or cardinality(statement['not_principal']) > 0)
        and coalesce(
            replace(statement['condition'], ' ', '') !~* (
                '"(ForAnyValue:)?(String(Equals|EqualsIgnoreCase|Like)|Arn(Equals|Like)|IpAddress)":\{[^}]*"('
                || array_to_string($pinning_keys, '|')
                || ')":("[^"]*[^"*0./:][^"]*"|\["[^"]*[^"*0./:][^"]*"(,"[^"]*[^"*0./:][^"]*")*\])'
            ),
            true
        )
),

memberships as (
    select
        asset_id,
        account_id,
        region,
        unnest(vpc_options['security_group_ids']) as group_id
    from aws_opensearch_domain
    where vpc_options['vpc_id'] is not null
),

open_rules as (
    select
        account_id,
        region,
        group_id,
        case
            when cidr_ipv4 = '0.0.0.0/0' then cidr_ipv4
            else cidr_ipv6
        end || ' by rule ' || security_group_rule_id as way
    from aws_vpc_security_group_rule
    where
        not is_egress
        and ip_protocol in ('-1', 'tcp', '6')
        and (cidr_ipv4 = '0.0.0.0/0' or cidr_ipv6 = '::/0')
        -- It listens on 443 and, without HTTPS, on 80.
        and (
            ip_protocol = '-1'
            or coalesce(nullif(from_port, -1), 0) <= 443 and coalesce(nullif(to_port, -1), 65535) >= 443
            or coalesce(nullif(from_port, -1), 0) <= 80 and coalesce(nullif(to_port, -1), 65535) >= 80
        )
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
        vpc_options['vpc_id'] as vpc_id,
        unnest(vpc_options['subnet_ids']) as subnet
    from aws_opensearch_domain
    where vpc_options['vpc_id'] is not null
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
),

ways as (
    select
        asset_id,
        account_id,
        region,
        'everyone may use the domain by statement ' || sid as way
    from public_statements

    union all

    select
        memberships.asset_id,
        memberships.account_id,
        memberships.region,
        'the security group ' || memberships.group_id || ' is open to ' || open_rules.way as way
    from memberships
    inner join open_rules
        on memberships.account_id = open_rules.account_id
        and memberships.region = open_rules.region
        and memberships.group_id = open_rules.group_id
    left anti join cut_off
        on memberships.account_id = cut_off.account_id
        and memberships.asset_id = cut_off.asset_id
)

select
    asset_id,
    account_id,
    region,
    string_agg(distinct way, '; ' order by way) as reason
from ways
group by
    asset_id,
    account_id,
    region
