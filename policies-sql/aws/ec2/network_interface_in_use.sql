/*---
id          = "aws-ec2-network-interface-in-use"
title       = "Network interfaces are attached to something"
severity    = "low"
category    = "governance"
asset_type  = "aws_ec2_network_interface"
description = "A left-over interface holds an address of the subnet, keeps its security groups from being deleted, and is ready for anybody who may attach it."
remediation = "`aws ec2 delete-network-interface --network-interface-id ID`."
how         = { cli = "aws ec2 delete-network-interface --network-interface-id ID", terraform = "remove aws_network_interface", console = "EC2 > Network interfaces > Actions > Delete" }
references  = ["https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/using-eni.html"]
---*/
-- Services come back to the interfaces that they manage. The owner of a subnet that is shared sees what others hold in it.
select
    asset_id,
    account_id,
    region,
    'the interface is attached to nothing' as reason,
    description,
    private_ip_address
from aws_ec2_network_interface
where
    status = 'available'
    and not coalesce(requester_managed, false)
    and coalesce(owner_id, account_id) = account_id
