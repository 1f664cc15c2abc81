/*---
id          = "aws-emr-cluster-logged"
title       = "EMR clusters keep their logs"
severity    = "low"
category    = "governance"
asset_type  = "aws_emr_cluster"
description = "The logs end with the cluster otherwise."
remediation = "Make it again with a place for logs."
how         = { cli = "aws emr create-cluster --log-uri s3://BUCKET/logs --release-label LABEL", terraform = "aws_emr_cluster: log_uri", console = "EMR > Clusters > Clone > Cluster logs" }
---*/
select
    asset_id,
    account_id,
    region,
    'logs are not kept' as reason
from aws_emr_cluster
where
    log_uri is null
    and release_label is not null
