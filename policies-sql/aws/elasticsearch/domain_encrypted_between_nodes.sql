/*---
id          = "aws-elasticsearch-domain-encrypted-between-nodes"
title       = "Elasticsearch domains encrypt between nodes"
severity    = "medium"
category    = "security"
asset_type  = "aws_elasticsearch_domain"
description = "Documents pass from node to node as they are without it."
remediation = "Turn node-to-node encryption on."
how         = { cli = "aws es update-elasticsearch-domain-config --domain-name NAME --node-to-node-encryption-options Enabled=true", terraform = "aws_elasticsearch_domain: node_to_node_encryption { enabled = true }", console = "OpenSearch Service > Domains > Edit security configuration" }
---*/
select
    asset_id,
    account_id,
    region,
    'nodes talk unencrypted' as reason
from aws_elasticsearch_domain
where not node_to_node_encryption_enabled
