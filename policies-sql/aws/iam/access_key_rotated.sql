/*---
id          = "aws-iam-access-key-rotated"
title       = "Access keys are replaced in time"
severity    = "high"
category    = "security"
asset_type  = "aws_iam_access_key"
description = "The older a key, the more copies of it lie in files, logs and backups. A new one makes those worthless."
remediation = "`aws iam create-access-key`, put the new key where the old one is used, then `aws iam update-access-key --status Inactive` and delete it. Better: a role instead of a key."
fix         = "aws-iam-deactivate-key"
how         = { cli = "aws iam create-access-key --user-name NAME", terraform = "aws_iam_access_key: made anew", console = "IAM > Users > Security credentials > Create access key" }
references  = ["https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_access-keys.html"]

[params.max_age_days]
type    = "int"
default = 90
doc     = "The age in whole days that an active key may reach."
---*/
select
    asset_id,
    account_id,
    region,
    'key of ' || user_name || ' is ' || date_part('day', now() - create_date) || ' days old' as reason,
    user_name,
    create_date
from aws_iam_access_key
where
    status = 'Active'
    and date_part('day', now() - create_date) > $max_age_days
