/*---
id          = "aws-codebuild-project-not-privileged"
title       = "Builds do not run privileged"
severity    = "medium"
category    = "security"
asset_type  = "aws_codebuild_project"
description = "A privileged build is root on its host."
remediation = "Turn privileged mode off where no image is built."
how         = { cli = "aws codebuild update-project --name NAME --environment file://environment.json", terraform = "aws_codebuild_project: environment { privileged_mode = false }", console = "CodeBuild > Build projects > Edit > Environment > Privileged" }
---*/
select
    asset_id,
    account_id,
    region,
    'builds are privileged' as reason
from aws_codebuild_project
where privileged_mode
