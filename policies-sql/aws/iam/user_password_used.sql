/*---
id          = "aws-iam-user-password-used"
title       = "Console passwords that nobody uses are gone"
severity    = "medium"
category    = "security"
asset_type  = "aws_iam_user"
description = "Who no longer logs in does not notice when somebody else does."
remediation = "`aws iam delete-login-profile --user-name NAME`; the user and its keys stay."
how         = { cli = "aws iam delete-login-profile --user-name NAME", terraform = "remove aws_iam_user_login_profile", console = "IAM > Users > Security credentials > Manage console access > Disable" }
references  = ["https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_finding-unused.html"]

[params.max_unused_days]
type    = "int"
default = 45
doc     = "After so many whole days since the password was used or set it is a violation."
---*/
-- No login profile means no password. A null date of last use means that the password was not used; then the day on
-- which it was set counts, which also spares a password that was just set again.
select
    asset_id,
    account_id,
    region,
    case
        when password_last_used is null
            then 'the console password was never used in the ' || date_part('day', now() - login_profile['create_date']) || ' days since it was set'
        else 'the console password was last used ' || date_part('day', now() - password_last_used) || ' days ago'
    end as reason,
    password_last_used
from aws_iam_user
where
    login_profile['create_date'] is not null
    and date_part('day', now() - greatest(password_last_used, login_profile['create_date'])) >= $max_unused_days
