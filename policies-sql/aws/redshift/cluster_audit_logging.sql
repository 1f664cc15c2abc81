/*---
id          = "aws-redshift-cluster-audit-logging"
title       = "Redshift clusters log who connects and asks"
severity    = "medium"
category    = "security"
asset_type  = "aws_redshift_cluster"
description = "Without audit logs nobody can tell who read what."
remediation = "Turn audit logging on."
how         = { cli = "aws redshift enable-logging --cluster-identifier ID --log-destination-type cloudwatch --log-exports connectionlog userlog", terraform = "aws_redshift_logging: log_destination_type = \"cloudwatch\"", console = "Redshift > Clusters > Properties > Edit audit logging" }
---*/
select
    asset_id,
    account_id,
    region,
    'audit logging is off' as reason
from aws_redshift_cluster
where not logging_status['logging_enabled']
