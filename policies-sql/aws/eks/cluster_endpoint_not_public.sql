/*---
id          = "aws-eks-cluster-endpoint-not-public"
title       = "EKS endpoints are not open to everybody"
severity    = "high"
category    = "security"
asset_type  = "aws_eks_cluster"
description = "Every hole of the Kubernetes API can be tried from anywhere."
remediation = "Make the endpoint private, or name the ranges that may reach it."
how         = { cli = "aws eks update-cluster-config --name NAME --resources-vpc-config endpointPublicAccess=false,endpointPrivateAccess=true", terraform = "aws_eks_cluster: vpc_config { endpoint_public_access = false }", console = "EKS > Clusters > Networking > Manage endpoint access" }
---*/
select
    asset_id,
    account_id,
    region,
    'the endpoint is open to 0.0.0.0/0' as reason
from aws_eks_cluster
where
    resources_vpc_config['endpoint_public_access']
    and array_has(resources_vpc_config['public_access_cidrs'], '0.0.0.0/0')
