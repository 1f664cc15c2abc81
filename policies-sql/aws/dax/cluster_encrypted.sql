/*---
id          = "aws-dax-cluster-encrypted"
title       = "DAX clusters encrypt their disks"
severity    = "medium"
category    = "security"
asset_type  = "aws_dax_cluster"
description = "The cache holds what the tables hold."
remediation = "Encryption is chosen when a cluster is made: make another."
how         = { cli = "aws dax create-cluster --cluster-name NEW --sse-specification Enabled=true --node-type TYPE --replication-factor 3 --iam-role-arn ROLE", terraform = "aws_dax_cluster: server_side_encryption { enabled = true }", console = "DynamoDB > DAX > Create cluster > Encryption" }
---*/
select
    asset_id,
    account_id,
    region,
    'the disks are not encrypted' as reason
from aws_dax_cluster
where sse_status in ('DISABLED', 'DISABLING')
