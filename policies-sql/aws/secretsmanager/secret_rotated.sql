/*---
id          = "aws-secretsmanager-secret-rotated"
title       = "Secrets are rotated by themselves"
severity    = "medium"
category    = "security"
asset_type  = "aws_secretsmanager_secret"
description = "A secret that never changes is known to ever more people."
remediation = "Set up rotation."
how         = { cli = "aws secretsmanager rotate-secret --secret-id ID --rotation-lambda-arn ARN --rotation-rules AutomaticallyAfterDays=30", terraform = "aws_secretsmanager_secret_rotation", console = "Secrets Manager > Secrets > Rotation > Edit rotation" }
---*/
-- AWS leaves rotation out where it was never set. Secrets that a service made are rotated by it; a copy follows its original.
select
    asset_id,
    account_id,
    region,
    'rotation is off' as reason
from aws_secretsmanager_secret
where
    not coalesce(rotation_enabled, false)
    and owning_service is null
    and primary_region is null
