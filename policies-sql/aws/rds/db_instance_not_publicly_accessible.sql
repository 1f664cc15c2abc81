/*---
id          = "aws-rds-db-instance-not-publicly-accessible"
title       = "Database instances have no public address"
severity    = "high"
category    = "security"
asset_type  = "aws_rds_db_instance"
description = "A database belongs in private subnets, reached through applications, a bastion or a VPN. With a public address only its security groups stand between it and the internet."
remediation = "`aws rds modify-db-instance --db-instance-identifier NAME --no-publicly-accessible --apply-immediately`, once every client reaches it from inside the VPC."
fix         = "aws-rds-make-private"
how         = { cli = "aws rds modify-db-instance --db-instance-identifier NAME --no-publicly-accessible --apply-immediately", terraform = "aws_db_instance: publicly_accessible = false", console = "RDS > Databases > Modify > Connectivity > Not publicly accessible" }
references  = ["https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_VPC.WorkingWithRDSInstanceinaVPC.html#USER_VPC.Hiding"]
---*/
select
    asset_id,
    account_id,
    region,
    'the ' || engine || ' instance has a public address' as reason,
    endpoint_address
from aws_rds_db_instance
where publicly_accessible
