/*---
id          = "aws-secretsmanager-secret-used"
title       = "Secrets that nobody reads are deleted"
severity    = "low"
category    = "costOptimization"
asset_type  = "aws_secretsmanager_secret"
description = "What nobody needs can only leak."
remediation = "Delete it; it can be restored for 30 days."
how         = { cli = "aws secretsmanager delete-secret --secret-id ID --recovery-window-in-days 30", terraform = "remove aws_secretsmanager_secret", console = "Secrets Manager > Secrets > Actions > Delete secret" }

[params.max_unused_days]
type    = "int"
default = 90
doc     = "Days after which a secret that nobody read is too much."
---*/
-- A secret that a service made goes when the service lets it go.
select
    asset_id,
    account_id,
    region,
    'not read since ' || cast(cast(coalesce(last_accessed_date, created_date) as date) as varchar) as reason
from aws_secretsmanager_secret
where
    date_part('day', now() - coalesce(last_accessed_date, created_date)) > $max_unused_days
    and owning_service is null
