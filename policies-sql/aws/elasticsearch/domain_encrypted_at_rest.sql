/*---
id          = "aws-elasticsearch-domain-encrypted-at-rest"
title       = "Elasticsearch domains encrypt their disks"
severity    = "medium"
category    = "security"
asset_type  = "aws_elasticsearch_domain"
description = "Indices, logs and snapshots hold copies of the documents."
remediation = "Turn encryption at rest on."
how         = { cli = "aws es update-elasticsearch-domain-config --domain-name NAME --encryption-at-rest-options Enabled=true", terraform = "aws_elasticsearch_domain: encrypt_at_rest { enabled = true }", console = "OpenSearch Service > Domains > Edit security configuration" }
---*/
select
    asset_id,
    account_id,
    region,
    'the disks are not encrypted' as reason
from aws_elasticsearch_domain
where not encryption_at_rest_options['enabled']
