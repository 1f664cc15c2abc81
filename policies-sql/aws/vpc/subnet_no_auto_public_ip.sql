/*---
id          = "aws-vpc-subnet-no-auto-public-ip"
title       = "Subnets give no public addresses away"
severity    = "medium"
category    = "security"
asset_type  = "aws_vpc_subnet"
description = "Where every new instance gets a public address, one is on the internet because nobody thought of it."
remediation = "`aws ec2 modify-subnet-attribute --subnet-id ID --no-map-public-ip-on-launch`; ask for an address where one is wanted."
how         = { cli = "aws ec2 modify-subnet-attribute --subnet-id ID --no-map-public-ip-on-launch", terraform = "aws_subnet: map_public_ip_on_launch = false", console = "VPC > Subnets > Actions > Edit subnet settings" }
references  = ["https://docs.aws.amazon.com/vpc/latest/userguide/subnet-public-ip.html"]
---*/
-- Only the owner of a subnet that is shared can change it.
select
    asset_id,
    account_id,
    region,
    'new instances get a public address' as reason,
    vpc_id,
    default_for_az
from aws_vpc_subnet
where
    map_public_ip_on_launch
    and coalesce(owner_id, account_id) = account_id
