/*---
id          = "aws-elasticsearch-domain-https-only"
title       = "Elasticsearch domains demand HTTPS"
severity    = "high"
category    = "security"
asset_type  = "aws_elasticsearch_domain"
description = "Passwords and documents can be read on the way otherwise."
remediation = "Demand HTTPS."
how         = { cli = "aws es update-elasticsearch-domain-config --domain-name NAME --domain-endpoint-options EnforceHTTPS=true", terraform = "aws_elasticsearch_domain: domain_endpoint_options { enforce_https = true }", console = "OpenSearch Service > Domains > Edit security configuration" }
---*/
select
    asset_id,
    account_id,
    region,
    'HTTP is accepted' as reason
from aws_elasticsearch_domain
where not domain_endpoint_options['enforce_https']
