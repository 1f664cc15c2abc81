/*---
id          = "aws-emr-cluster-secured"
title       = "EMR clusters have a security configuration"
severity    = "medium"
category    = "security"
asset_type  = "aws_emr_cluster"
description = "It says how disks and connections are encrypted."
remediation = "Make it again with a security configuration."
how         = { cli = "aws emr create-cluster --security-configuration NAME --release-label LABEL", terraform = "aws_emr_cluster: security_configuration", console = "EMR > Clusters > Clone > Security configuration" }
---*/
select
    asset_id,
    account_id,
    region,
    'there is no security configuration' as reason
from aws_emr_cluster
where
    security_configuration is null
    and release_label is not null
