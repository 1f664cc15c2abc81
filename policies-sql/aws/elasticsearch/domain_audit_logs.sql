/*---
id          = "aws-elasticsearch-domain-audit-logs"
title       = "Elasticsearch domains keep audit logs"
severity    = "low"
category    = "security"
asset_type  = "aws_elasticsearch_domain"
description = "Audit logs tell who searched and changed what."
remediation = "Publish audit logs."
how         = { cli = "aws es update-elasticsearch-domain-config --domain-name NAME --log-publishing-options AUDIT_LOGS={CloudWatchLogsLogGroupArn=ARN,Enabled=true}", terraform = "aws_elasticsearch_domain: log_publishing_options { log_type = \"AUDIT_LOGS\" }", console = "OpenSearch Service > Domains > Logs > Audit logs" }
---*/
-- Null: audit logs were never set up.
select
    asset_id,
    account_id,
    region,
    'audit logs are off' as reason
from aws_elasticsearch_domain
where not coalesce(audit_logs_enabled, false)
