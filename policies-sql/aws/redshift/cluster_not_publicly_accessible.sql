/*---
id          = "aws-redshift-cluster-not-publicly-accessible"
title       = "Redshift clusters have no public address"
severity    = "critical"
category    = "security"
asset_type  = "aws_redshift_cluster"
description = "A warehouse with a public address is one open security group away from everybody."
remediation = "Take the public address away; let clients come through the VPC."
fix         = "aws-redshift-make-private"
how         = { cli = "aws redshift modify-cluster --cluster-identifier ID --no-publicly-accessible", terraform = "aws_redshift_cluster: publicly_accessible = false", console = "Redshift > Clusters > Actions > Modify publicly accessible setting" }
---*/
select
    asset_id,
    account_id,
    region,
    'the cluster has a public address' as reason
from aws_redshift_cluster
where publicly_accessible
