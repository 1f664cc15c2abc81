/*---
id          = "aws-redshift-cluster-encrypted"
title       = "Redshift clusters are encrypted"
severity    = "high"
category    = "security"
asset_type  = "aws_redshift_cluster"
description = "Encryption covers the disks and the snapshots of the warehouse."
remediation = "Turn encryption on; Redshift moves the data."
how         = { cli = "aws redshift modify-cluster --cluster-identifier ID --encrypted", terraform = "aws_redshift_cluster: encrypted = true", console = "Redshift > Clusters > Properties > Edit encryption" }
---*/
select
    asset_id,
    account_id,
    region,
    'the cluster is not encrypted' as reason
from aws_redshift_cluster
where not encrypted
