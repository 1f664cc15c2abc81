/*---
id          = "aws-iam-root-no-access-keys"
title       = "The root user has no access keys"
severity    = "critical"
category    = "security"
asset_type  = "aws_iam_account_summary"
description = "A key of the root user can do everything, from anywhere, and no policy bounds it. Nothing needs one."
remediation = "Log in as root user, look at the key's last use, and delete it under Security credentials."
how         = { cli = "aws iam delete-access-key --access-key-id ID", terraform = "none: the root user deletes the key", console = "Security credentials (as root user) > Access keys > Delete" }
references  = ["https://docs.aws.amazon.com/IAM/latest/UserGuide/id_root-user_manage_delete-key.html"]
---*/
select
    asset_id,
    account_id,
    region,
    'the root user has an access key' as reason
from aws_iam_account_summary
where account_access_keys_present > 0
