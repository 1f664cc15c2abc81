/*---
id          = "aws-cognito-user-pool-mfa"
title       = "User pools ask for a second factor"
severity    = "medium"
category    = "security"
asset_type  = "aws_cognito_user_pool"
description = "A password alone is guessed, phished and reused."
remediation = "Turn MFA on."
how         = { cli = "aws cognito-idp set-user-pool-mfa-config --user-pool-id ID --mfa-configuration ON --software-token-mfa-configuration Enabled=true", terraform = "aws_cognito_user_pool: mfa_configuration = \"ON\"", console = "Cognito > User pools > Sign-in experience > Multi-factor authentication" }
---*/
select
    asset_id,
    account_id,
    region,
    'MFA is off' as reason
from aws_cognito_user_pool
where mfa_configuration = 'OFF'
