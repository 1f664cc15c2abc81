/*---
id          = "aws-vpc-peering-dns-not-resolved"
title       = "Peerings say nothing of the inside names"
severity    = "low"
category    = "governance"
asset_type  = "aws_vpc_peering_connection"
description = "The other side learns private addresses by name."
remediation = "Take the option back."
how         = { cli = "aws ec2 modify-vpc-peering-connection-options --vpc-peering-connection-id ID --requester-peering-connection-options AllowDnsResolutionFromRemoteVpc=false", terraform = "aws_vpc_peering_connection_options", console = "VPC > Peering connections > Actions > Edit DNS settings" }
enabled     = false
---*/
select
    asset_id,
    account_id,
    region,
    'names are resolved for the other account' as reason
from aws_vpc_peering_connection
where
    coalesce(requester_peering_options['allow_dns_resolution_from_remote_vpc'], false)
    and requester_owner_id <> accepter_owner_id
