/*---
id          = "aws-cognito-user-pool-password-policy"
title       = "User pools demand long passwords"
severity    = "medium"
category    = "security"
asset_type  = "aws_cognito_user_pool"
description = "Short passwords are guessed."
remediation = "Demand longer ones."
how         = { cli = "aws cognito-idp update-user-pool --user-pool-id ID --policies PasswordPolicy={MinimumLength=12}", terraform = "aws_cognito_user_pool: password_policy { minimum_length = 12 }", console = "Cognito > User pools > Sign-in experience > Password policy" }

[params.min_length]
type    = "int"
default = 8
doc     = "The shortest password that is allowed."
---*/
select
    asset_id,
    account_id,
    region,
    'passwords of ' || cast(password_policy['minimum_length'] as varchar) || ' characters are taken' as reason
from aws_cognito_user_pool
where password_policy['minimum_length'] < $min_length
