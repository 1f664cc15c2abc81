/*---
id          = "aws-dax-cluster-endpoint-encrypted"
title       = "DAX clusters encrypt their connections"
severity    = "medium"
category    = "security"
asset_type  = "aws_dax_cluster"
description = "Items pass the network as they are without it."
remediation = "TLS is chosen when a cluster is made: make another."
how         = { cli = "aws dax create-cluster --cluster-name NEW --cluster-endpoint-encryption-type TLS --node-type TYPE --replication-factor 3 --iam-role-arn ROLE", terraform = "aws_dax_cluster: cluster_endpoint_encryption_type = \"TLS\"", console = "DynamoDB > DAX > Create cluster > Encryption in transit" }
---*/
select
    asset_id,
    account_id,
    region,
    'connections are not encrypted' as reason
from aws_dax_cluster
where cluster_endpoint_encryption_type = 'NONE'
