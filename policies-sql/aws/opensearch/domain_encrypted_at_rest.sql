/*---
id          = "aws-opensearch-domain-encrypted-at-rest"
title       = "OpenSearch domains encrypt their disks"
severity    = "medium"
category    = "security"
asset_type  = "aws_opensearch_domain"
description = "Indices, logs and snapshots hold copies of the documents."
remediation = "Turn encryption at rest on."
how         = { cli = "aws opensearch update-domain-config --domain-name NAME --encryption-at-rest-options Enabled=true", terraform = "aws_opensearch_domain: encrypt_at_rest { enabled = true }", console = "OpenSearch Service > Domains > Edit security configuration" }
---*/
select
    asset_id,
    account_id,
    region,
    'the disks are not encrypted' as reason
from aws_opensearch_domain
where not encryption_at_rest_options['enabled']
