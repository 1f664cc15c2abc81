/*---
id          = "aws-codebuild-project-artifacts-encrypted"
title       = "Artifacts of builds are encrypted"
severity    = "low"
category    = "security"
asset_type  = "aws_codebuild_project"
description = "What is deployed can be read and changed otherwise."
remediation = "Turn encryption of artifacts on."
how         = { cli = "aws codebuild update-project --name NAME --artifacts type=S3,location=BUCKET,encryptionDisabled=false", terraform = "aws_codebuild_project: artifacts { encryption_disabled = false }", console = "CodeBuild > Build projects > Edit > Artifacts" }
---*/
select
    asset_id,
    account_id,
    region,
    'artifacts are not encrypted' as reason
from aws_codebuild_project
where artifacts_encryption_disabled
