/*---
id          = "aws-iam-root-mfa-enabled"
title       = "The root user has an MFA device"
severity    = "high"
category    = "security"
asset_type  = "aws_iam_account_summary"
description = "The root user can do everything and nothing bounds it. Its password must not be enough."
remediation = "Log in as root user and enrol a device, or remove the root credentials of member accounts from the organization."
how         = { cli = "aws iam enable-organizations-root-credentials-management", terraform = "none: the root user enrols the device", console = "Security credentials (as root user) > Assign MFA device" }
references  = ["https://docs.aws.amazon.com/IAM/latest/UserGuide/enable-mfa-for-root.html"]
---*/
-- A root user without a password cannot log in and needs no device; where AWS does not say, it has one.
select
    asset_id,
    account_id,
    region,
    'the root user has no MFA device' as reason
from aws_iam_account_summary
where
    not account_mfa_enabled
    and coalesce(account_password_present, true)
