/*---
id          = "aws-ec2-instance-stores-closed-to-networks"
title       = "Instances let no whole network in on the ports of stores that ask for no password"
severity    = "high"
category    = "security"
asset_type  = "aws_ec2_instance"
description = "MongoDB and Elasticsearch ask nobody for a password until somebody sets one up. Whoever gets to their port reads and deletes everything, from inside too."
remediation = "`aws ec2 revoke-security-group-ingress --group-id GROUP --security-group-rule-ids RULE`; allow the security groups of those who need the store, and turn on its own access control."
how         = { cli = "aws ec2 revoke-security-group-ingress --group-id GROUP --security-group-rule-ids RULE", terraform = "aws_vpc_security_group_ingress_rule: referenced_security_group_id of those who need it", console = "VPC > Security groups > Inbound rules > Edit inbound rules" }
references  = ["https://docs.aws.amazon.com/vpc/latest/userguide/security-group-rules.html"]
enabled     = false

[params.tcp_ports]
type    = "list<int>"
default = [9200, 27017]
doc     = "TCP ports of stores that ask for no password by themselves."

[params.networks]
type    = "list<string>"
default = ["0.0.0.0/0", "::/0", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"]
doc     = "Ranges that are whole networks, as rules write them."
---*/
-- Whether a store listens there is not asked: nobody connects to private addresses. Without ports a rule covers every port.
with ports as (
    select unnest(cast($tcp_ports as bigint[])) as port
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
        unnest(interface['groups']) as security_group
    from interfaces
),

wide_rules as (
    select
        account_id,
        region,
        group_id,
        case when ip_protocol = '-1' then 0 else coalesce(nullif(from_port, -1), 0) end as from_port,
        case when ip_protocol = '-1' then 65535 else coalesce(nullif(to_port, -1), 65535) end as to_port,
        coalesce(cidr_ipv4, cidr_ipv6) as cidr,
        security_group_rule_id
    from aws_vpc_security_group_rule
    where
        not is_egress
        and ip_protocol in ('-1', 'tcp', '6')
        and array_has($networks, coalesce(cidr_ipv4, cidr_ipv6))
),

openings as (
    select
        memberships.asset_id,
        memberships.account_id,
        memberships.region,
        'tcp ' || ports.port || ' is open to ' || wide_rules.cidr
        || ' by rule ' || wide_rules.security_group_rule_id as way
    from memberships
    inner join wide_rules
        on memberships.account_id = wide_rules.account_id
        and memberships.region = wide_rules.region
        and memberships.security_group['group_id'] = wide_rules.group_id
    inner join ports
        on ports.port between wide_rules.from_port and wide_rules.to_port
)

select
    asset_id,
    account_id,
    region,
    string_agg(distinct way, ', ' order by way) as reason
from openings
group by
    asset_id,
    account_id,
    region
