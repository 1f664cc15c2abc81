/*---
id          = "aws-iam-group-no-full-cloudshell"
title       = "IAM groups have no full access to CloudShell"
severity    = "low"
category    = "security"
asset_type  = "aws_iam_group"
description = "CloudShell with full access moves files in and out past every control."
remediation = "Detach it; write a policy without uploads and downloads."
how         = { cli = "aws iam detach-group-policy --group-name NAME --policy-arn arn:aws:iam::aws:policy/AWSCloudShellFullAccess", terraform = "aws_iam_group_policy_attachment", console = "IAM > Groups > Permissions" }
---*/
select
    asset_id,
    account_id,
    region,
    'AWSCloudShellFullAccess is attached' as reason
from aws_iam_group
where array_has(attached_policy_arns, 'arn:aws:iam::aws:policy/AWSCloudShellFullAccess')
