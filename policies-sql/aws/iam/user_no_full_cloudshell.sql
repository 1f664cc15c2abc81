/*---
id          = "aws-iam-user-no-full-cloudshell"
title       = "IAM users have no full access to CloudShell"
severity    = "low"
category    = "security"
asset_type  = "aws_iam_user"
description = "CloudShell with full access moves files in and out past every control."
remediation = "Detach it; write a policy without uploads and downloads."
how         = { cli = "aws iam detach-user-policy --user-name NAME --policy-arn arn:aws:iam::aws:policy/AWSCloudShellFullAccess", terraform = "aws_iam_user_policy_attachment", console = "IAM > Users > Permissions" }
---*/
select
    asset_id,
    account_id,
    region,
    'AWSCloudShellFullAccess is attached' as reason
from aws_iam_user
where array_has(attached_policy_arns, 'arn:aws:iam::aws:policy/AWSCloudShellFullAccess')
