/*---
id          = "aws-msk-cluster-authenticated"
title       = "MSK clusters ask clients who they are"
severity    = "high"
category    = "security"
asset_type  = "aws_msk_cluster"
description = "Whoever reaches the port reads and writes every topic."
remediation = "Turn unauthenticated access off."
how         = { cli = "aws kafka update-security --cluster-arn ARN --current-version VERSION --client-authentication Unauthenticated={Enabled=false}", terraform = "aws_msk_cluster: client_authentication { unauthenticated = false }", console = "MSK > Clusters > Properties > Security settings > Edit" }
---*/
select
    asset_id,
    account_id,
    region,
    'clients need not say who they are' as reason
from aws_msk_cluster
where unauthenticated_access_enabled
