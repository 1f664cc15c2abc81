/*---
id          = "aws-ecr-repository-lifecycle-configured"
title       = "ECR repositories forget old images"
severity    = "low"
category    = "costOptimization"
asset_type  = "aws_ecr_repository"
description = "Old images cost storage, and their holes run again when somebody uses them."
remediation = "Write a lifecycle policy."
how         = { cli = "aws ecr put-lifecycle-policy --repository-name NAME --lifecycle-policy-text file://policy.json", terraform = "aws_ecr_lifecycle_policy", console = "ECR > Repositories > Lifecycle policy" }
---*/
-- Null: AWS says that there is none.
select
    asset_id,
    account_id,
    region,
    'there is no lifecycle policy' as reason
from aws_ecr_repository
where lifecycle_policy is null
