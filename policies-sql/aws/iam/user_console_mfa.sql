/*---
id          = "aws-iam-user-console-mfa"
title       = "Users with a console password have an MFA device"
severity    = "critical"
category    = "security"
asset_type  = "aws_iam_user"
description = "A password alone is guessed, phished or reused from elsewhere. The second factor is what stops the one who has it."
remediation = "Let the user enrol a device (`aws iam enable-mfa-device`), or take the password away where nobody logs in: `aws iam delete-login-profile`."
how         = { cli = "aws iam enable-mfa-device --user-name NAME --serial-number ARN --authentication-code1 C --authentication-code2 C", terraform = "aws_iam_virtual_mfa_device", console = "IAM > Users > Security credentials > Assign MFA device" }
references  = ["https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_mfa.html"]
---*/
-- No login profile means no password. A null list of devices was not read; users without devices have an empty one.
select
    asset_id,
    account_id,
    region,
    'there is a console password and no MFA device' as reason,
    password_last_used
from aws_iam_user
where
    login_profile['create_date'] is not null
    and cardinality(mfa_devices) = 0
