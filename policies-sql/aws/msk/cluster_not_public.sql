/*---
id          = "aws-msk-cluster-not-public"
title       = "MSK clusters have no public addresses"
severity    = "high"
category    = "security"
asset_type  = "aws_msk_cluster"
description = "Every hole of the brokers can be tried from anywhere."
remediation = "Turn public access off."
how         = { cli = "aws kafka update-connectivity --cluster-arn ARN --current-version VERSION --connectivity-info PublicAccess={Type=DISABLED}", terraform = "aws_msk_cluster: broker_node_group_info { connectivity_info }", console = "MSK > Clusters > Properties > Networking > Edit public access" }
---*/
select
    asset_id,
    account_id,
    region,
    'brokers have public addresses' as reason
from aws_msk_cluster
where public_access_type = 'SERVICE_PROVIDED_EIPS'
