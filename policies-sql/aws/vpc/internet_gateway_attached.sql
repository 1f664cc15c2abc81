/*---
id          = "aws-vpc-internet-gateway-attached"
title       = "Internet gateways are attached"
severity    = "low"
category    = "governance"
asset_type  = "aws_vpc_internet_gateway"
description = "What nobody uses waits to be used by mistake."
remediation = "Delete it."
how         = { cli = "aws ec2 delete-internet-gateway --internet-gateway-id ID", terraform = "remove aws_internet_gateway", console = "VPC > Internet gateways > Actions > Delete" }
---*/
select
    asset_id,
    account_id,
    region,
    'it is attached to no VPC' as reason
from aws_vpc_internet_gateway
where
    coalesce(array_length(attachments), 0) = 0
    and owner_id is not null
