/*---
id          = "aws-vpc-eip-in-use"
title       = "Elastic IP addresses are in use"
severity    = "high"
category    = "governance"
asset_type  = "aws_vpc_eip"
description = "An address that is tied to nothing is paid for all the same. A name that still points to it becomes somebody else's once the address is given away."
remediation = "`aws ec2 release-address --allocation-id ID`, after removing the DNS records that name it."
fix         = "aws-vpc-release-address"
how         = { cli = "aws ec2 release-address --allocation-id ID", terraform = "remove aws_eip", console = "EC2 > Elastic IPs > Actions > Release" }
references  = ["https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/elastic-ip-addresses-eip.html"]
---*/
-- AWS leaves the association out where there is none, so null is that answer here. Some services hold addresses in
-- reserve that only they can release.
select
    asset_id,
    account_id,
    region,
    'the address ' || coalesce(public_ip, carrier_ip, allocation_id, '') || ' is associated with nothing' as reason,
    allocation_id,
    public_ipv4_pool
from aws_vpc_eip
where
    coalesce(association_id, '') = ''
    and coalesce(service_managed, '') = ''
