/*---
id          = "aws-iam-account-password-policy"
title       = "The account's password policy meets the standard"
severity    = "critical"
category    = "security"
asset_type  = "aws_iam_account_password_policy"
description = "The password policy is all that stops an IAM user from a short, old or reused password. An account without one takes any eight characters."
remediation = "`aws iam update-account-password-policy --minimum-password-length 14 --password-reuse-prevention 24 --max-password-age 90 --require-symbols --require-numbers --require-uppercase-characters --require-lowercase-characters --allow-users-to-change-password`"
how         = { cli = "aws iam update-account-password-policy --minimum-password-length 14 --password-reuse-prevention 24", terraform = "aws_iam_account_password_policy", console = "IAM > Account settings > Password policy > Edit" }
references  = ["https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_passwords_account-policy.html"]

[params.min_length]
type    = "int"
default = 14
doc     = "The least number of characters."

[params.max_age_days]
type    = "int"
default = 90
doc     = "After how many days a password has to expire, at the latest; 0: it need not expire."

[params.reuse_prevention]
type    = "int"
default = 24
doc     = "How many former passwords have to be refused, at least; 0: none."

[params.require_symbols]
type    = "bool"
default = true
doc     = "Whether a password has to hold a symbol."

[params.require_numbers]
type    = "bool"
default = true
doc     = "Whether a password has to hold a digit."

[params.require_uppercase]
type    = "bool"
default = true
doc     = "Whether a password has to hold a capital letter."

[params.require_lowercase]
type    = "bool"
default = true
doc     = "Whether a password has to hold a small letter."

[params.require_self_change]
type    = "bool"
default = true
doc     = "Whether users have to be able to change their own password."

[params.allow_hard_expiry]
type    = "bool"
default = false
doc     = "Whether an expired password may lock its user out until an administrator sets a new one."
---*/
-- Stricter than asked is fine. A policy always has a minimum length, so that null says that there is no policy; the other
-- nulls in a policy mean that the rule is not set.
with shortcomings as (
    select
        asset_id,
        account_id,
        region,
        case
            when minimum_password_length is null then 'there is no password policy'
            else array_to_string(
                make_array(
                    case when minimum_password_length < $min_length then 'passwords may have ' || minimum_password_length || ' characters' end,
                    case
                        when $max_age_days = 0 then null
                        when coalesce(max_password_age, 0) = 0 then 'passwords never expire'
                        when max_password_age > $max_age_days then 'passwords last ' || max_password_age || ' days'
                    end,
                    case
                        when coalesce(password_reuse_prevention, 0) < $reuse_prevention
                            then 'only the last ' || coalesce(password_reuse_prevention, 0) || ' passwords are refused'
                    end,
                    case when $require_symbols and not coalesce(require_symbols, false) then 'symbols are not required' end,
                    case when $require_numbers and not coalesce(require_numbers, false) then 'digits are not required' end,
                    case when $require_uppercase and not coalesce(require_uppercase_characters, false) then 'capital letters are not required' end,
                    case when $require_lowercase and not coalesce(require_lowercase_characters, false) then 'small letters are not required' end,
                    case when $require_self_change and not coalesce(allow_users_to_change_password, false) then 'users may not change their password' end,
                    case when hard_expiry and not $allow_hard_expiry then 'an expired password locks its user out' end
                ),
                ', '
            )
        end as shortcomings
    from aws_iam_account_password_policy
)

select
    asset_id,
    account_id,
    region,
    shortcomings as reason
from shortcomings
where shortcomings <> ''
