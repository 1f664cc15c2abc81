/*---
id          = "aws-eks-cluster-version-supported"
title       = "EKS clusters run a supported version of Kubernetes"
severity    = "medium"
category    = "governance"
asset_type  = "aws_eks_cluster"
description = "Old versions get no repairs, and then are upgraded by force."
remediation = "Upgrade the control plane, one version at a time, then the nodes."
how         = { cli = "aws eks update-cluster-version --name NAME --kubernetes-version VERSION", terraform = "aws_eks_cluster: version", console = "EKS > Clusters > Upgrade now" }

[params.min_minor]
type    = "int"
default = 31
doc     = "The oldest minor version of Kubernetes 1 that AWS supports without extra charge."
---*/
select
    asset_id,
    account_id,
    region,
    'Kubernetes ' || version || ' is not supported any more' as reason
from aws_eks_cluster
where try_cast(split_part(version, '.', 2) as bigint) < $min_minor
