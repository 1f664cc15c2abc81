/*---
id          = "aws-redshift-cluster-enhanced-vpc-routing"
title       = "Redshift clusters load through their VPC"
severity    = "low"
category    = "security"
asset_type  = "aws_redshift_cluster"
description = "With it flow logs and endpoint policies see and limit what COPY and UNLOAD move."
remediation = "Turn enhanced VPC routing on."
how         = { cli = "aws redshift modify-cluster --cluster-identifier ID --enhanced-vpc-routing", terraform = "aws_redshift_cluster: enhanced_vpc_routing = true", console = "Redshift > Clusters > Properties > Network and security > Edit" }
---*/
select
    asset_id,
    account_id,
    region,
    'loads and unloads go past the VPC' as reason
from aws_redshift_cluster
where not enhanced_vpc_routing
