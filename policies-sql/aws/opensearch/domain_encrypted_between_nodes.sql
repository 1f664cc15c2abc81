/*---
id          = "aws-opensearch-domain-encrypted-between-nodes"
title       = "OpenSearch domains encrypt between nodes"
severity    = "medium"
category    = "security"
asset_type  = "aws_opensearch_domain"
description = "Documents pass from node to node as they are without it."
remediation = "Turn node-to-node encryption on."
how         = { cli = "aws opensearch update-domain-config --domain-name NAME --node-to-node-encryption-options Enabled=true", terraform = "aws_opensearch_domain: node_to_node_encryption { enabled = true }", console = "OpenSearch Service > Domains > Edit security configuration" }
---*/
select
    asset_id,
    account_id,
    region,
    'nodes talk unencrypted' as reason
from aws_opensearch_domain
where not node_to_node_encryption_enabled
