/*---
id          = "aws-msk-cluster-encrypted-in-transit"
title       = "MSK clusters encrypt their connections"
severity    = "medium"
category    = "security"
asset_type  = "aws_msk_cluster"
description = "Messages can be read on the way otherwise."
remediation = "Allow TLS only."
how         = { cli = "aws kafka update-security --cluster-arn ARN --current-version VERSION --encryption-info EncryptionInTransit={ClientBroker=TLS}", terraform = "aws_msk_cluster: encryption_info", console = "MSK > Clusters > Properties > Security settings > Edit" }
---*/
select
    asset_id,
    account_id,
    region,
    'clients may use ' || encryption_in_transit_client_broker as reason
from aws_msk_cluster
where encryption_in_transit_client_broker in ('PLAINTEXT', 'TLS_PLAINTEXT')
