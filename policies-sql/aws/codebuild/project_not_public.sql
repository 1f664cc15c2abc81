/*---
id          = "aws-codebuild-project-not-public"
title       = "Builds are not public"
severity    = "high"
category    = "security"
asset_type  = "aws_codebuild_project"
description = "Logs and artifacts tell names and secrets."
remediation = "Make it private."
how         = { cli = "aws codebuild update-project-visibility --project-arn ARN --project-visibility PRIVATE", terraform = "aws_codebuild_project: project_visibility = \"PRIVATE\"", console = "CodeBuild > Build projects > Edit > Public build access" }
---*/
select
    asset_id,
    account_id,
    region,
    'everybody sees its builds' as reason
from aws_codebuild_project
where project_visibility = 'PUBLIC_READ'
