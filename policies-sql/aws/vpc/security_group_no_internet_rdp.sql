/*---
id          = "aws-vpc-security-group-no-internet-rdp"
title       = "Security groups keep Remote Desktop from the internet"
severity    = "high"
category    = "security"
asset_type  = "aws_vpc_security_group"
description = "Remote Desktop on the internet is how much ransomware gets in."
remediation = "`aws ec2 revoke-security-group-ingress --group-id GROUP --security-group-rule-ids RULE`; use Fleet Manager, a VPN or a few fixed addresses instead."
fix         = "aws-vpc-close-group"
how         = { cli = "aws ec2 revoke-security-group-ingress --group-id GROUP --security-group-rule-ids RULE", terraform = "aws_vpc_security_group_ingress_rule: cidr_ipv4 of those who need it", console = "VPC > Security groups > Inbound rules > Edit inbound rules" }
references  = ["https://docs.aws.amazon.com/vpc/latest/userguide/security-group-rules.html"]

[params.tcp_ports]
type    = "list<int>"
default = [3389]
doc     = "TCP ports that may not be open to the internet. RDP uses UDP as well as TCP."

[params.udp_ports]
type    = "list<int>"
default = [3389]
doc     = "UDP ports that may not be open to the internet."
---*/
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
        open_rules.account_id,
        open_rules.region,
        open_rules.group_id,
        ports.protocol || ' ' || ports.port || ' is open to ' || open_rules.cidr
        || ' by rule ' || open_rules.security_group_rule_id as way
    from open_rules
    inner join ports
        on open_rules.ip_protocol in ('-1', ports.protocol, ports.protocol_number)
        and ports.port between open_rules.from_port and open_rules.to_port
)

-- A group that another account shares is judged there.
select
    sg.asset_id,
    sg.account_id,
    sg.region,
    string_agg(distinct openings.way, ', ' order by openings.way) as reason,
    sg.group_name
from aws_vpc_security_group as sg
inner join openings
    on sg.account_id = openings.account_id
    and sg.region = openings.region
    and sg.group_id = openings.group_id
where coalesce(sg.owner_id, sg.account_id) = sg.account_id
group by
    sg.asset_id,
    sg.account_id,
    sg.region,
    sg.group_name
