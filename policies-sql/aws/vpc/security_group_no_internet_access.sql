/*---
id          = "aws-vpc-security-group-no-internet-access"
title       = "Security groups let nobody in from everywhere"
severity    = "high"
category    = "security"
asset_type  = "aws_vpc_security_group"
description = "A rule for every address is meant for a few load balancers. On any other group it waits for the instance that should not have been there."
remediation = "`aws ec2 revoke-security-group-ingress --group-id GROUP --security-group-rule-ids RULE`, or narrow the rule to the addresses that need it. Grant an exception to the groups that have to be open."
fix         = "aws-vpc-close-group"
how         = { cli = "aws ec2 revoke-security-group-ingress --group-id GROUP --security-group-rule-ids RULE", terraform = "aws_vpc_security_group_ingress_rule: cidr_ipv4 of those who need it", console = "VPC > Security groups > Inbound rules > Edit inbound rules" }
references  = ["https://docs.aws.amazon.com/vpc/latest/userguide/security-group-rules.html"]
---*/
-- Each opening is a violation of its own: one may be meant where another is not.
with open_rules as (
    select
        account_id,
        region,
        group_id,
        case
            when ip_protocol = '-1' then 'all traffic'
            when ip_protocol not in ('tcp', '6', 'udp', '17') then 'protocol ' || ip_protocol
            when coalesce(from_port, -1) = -1 or (from_port = 0 and to_port = 65535) then ip_protocol || ' on all ports'
            when from_port = to_port then ip_protocol || ' ' || from_port
            else ip_protocol || ' ' || from_port || '-' || coalesce(nullif(to_port, -1), 65535)
        end as opening,
        case when cidr_ipv4 = '0.0.0.0/0' then cidr_ipv4 else cidr_ipv6 end as cidr,
        security_group_rule_id
    from aws_vpc_security_group_rule
    where
        not is_egress
        and ip_protocol is not null
        and (cidr_ipv4 = '0.0.0.0/0' or cidr_ipv6 = '::/0')
),

openings as (
    select
        account_id,
        region,
        group_id,
        opening,
        cidr || ' by rule ' || security_group_rule_id as way
    from open_rules
)

-- A group that another account shares is judged there.
select
    sg.asset_id,
    sg.account_id,
    sg.region,
    openings.opening || ' is open to ' || string_agg(distinct openings.way, ', ' order by openings.way) as reason,
    openings.opening as key,
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
    sg.group_name,
    openings.opening
