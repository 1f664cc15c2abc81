/*---
id          = "aws-codebuild-project-no-plain-secrets"
title       = "Builds take secrets from a store"
severity    = "high"
category    = "security"
asset_type  = "aws_codebuild_project"
description = "Plain variables show in the console, the API and the logs."
remediation = "Move the value to Secrets Manager and name it with type SECRETS_MANAGER."
how         = { cli = "aws codebuild update-project --name NAME --environment file://environment.json", terraform = "aws_codebuild_project: environment_variable { type = \"SECRETS_MANAGER\" }", console = "CodeBuild > Build projects > Edit > Environment > Environment variables" }
---*/
with items as (
    select
        asset_id,
        account_id,
        region,
        unnest(environment_variables) as item
    from aws_codebuild_project
)

select
    asset_id,
    account_id,
    region,
    string_agg(distinct item['name'], ', ' order by item['name']) || ' is a plain variable' as reason
from items
where item['type'] = 'PLAINTEXT' and item['name'] ~* '(secret|password|passwd|token|api_?key|access_?key|private_?key)'
group by
    asset_id,
    account_id,
    region
