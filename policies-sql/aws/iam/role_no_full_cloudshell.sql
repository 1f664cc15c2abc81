/*---
id          = "aws-iam-role-no-full-cloudshell"
title       = "IAM roles have no full access to CloudShell"
severity    = "low"
category    = "security"
asset_type  = "aws_iam_role"
description = "CloudShell with full access moves files in and out past every control."
remediation = "Detach it; write a policy without uploads and downloads."
how         = { cli = "aws iam detach-role-policy --role-name NAME --policy-arn arn:aws:iam::aws:policy/AWSCloudShellFullAccess", terraform = "aws_iam_role_policy_attachment", console = "IAM > Roles > Permissions" }
---*/
select
    asset_id,
    account_id,
    region,
    'AWSCloudShellFullAccess is attached' as reason
from aws_iam_role
where array_has(attached_policy_arns, 'arn:aws:iam::aws:policy/AWSCloudShellFullAccess')
