/*---
id          = "aws-vpc-transit-gateway-no-auto-accept"
title       = "Transit gateways accept nobody by themselves"
severity    = "medium"
category    = "security"
asset_type  = "aws_ec2_transit_gateway"
description = "Any account that the gateway is shared with could join the network."
remediation = "Accept attachments one by one."
how         = { cli = "aws ec2 modify-transit-gateway --transit-gateway-id ID --options AutoAcceptSharedAttachments=disable", terraform = "aws_ec2_transit_gateway: auto_accept_shared_attachments = \"disable\"", console = "VPC > Transit gateways > Actions > Modify" }
---*/
-- Only the owner of a gateway that is shared can change it.
select
    asset_id,
    account_id,
    region,
    'attachments of other accounts are accepted' as reason
from aws_ec2_transit_gateway
where
    auto_accept_shared_attachments = 'enable'
    and coalesce(owner_id, account_id) = account_id
