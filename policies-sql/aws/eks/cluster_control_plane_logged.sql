/*---
id          = "aws-eks-cluster-control-plane-logged"
title       = "EKS clusters keep audit logs"
severity    = "medium"
category    = "security"
asset_type  = "aws_eks_cluster"
description = "Audit logs tell who did what in the cluster."
remediation = "Turn the audit log on."
how         = { cli = "aws eks update-cluster-config --name NAME --logging file://logging.json", terraform = "aws_eks_cluster: enabled_cluster_log_types = [\"audit\"]", console = "EKS > Clusters > Observability > Manage logging" }
---*/
select
    asset_id,
    account_id,
    region,
    'audit logs are off' as reason
from aws_eks_cluster
where
    logging['cluster_logging'] is not null
    and not coalesce(logging['cluster_logging'][1]['enabled'] and array_has(logging['cluster_logging'][1]['types'], 'audit'), false)
    and not coalesce(logging['cluster_logging'][2]['enabled'] and array_has(logging['cluster_logging'][2]['types'], 'audit'), false)
