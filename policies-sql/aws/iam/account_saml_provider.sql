/*---
id          = "aws-iam-account-saml-provider"
title       = "Accounts trust the company's SAML provider"
severity    = "high"
category    = "governance"
asset_type  = "aws_iam_account_summary"
description = "People who log in through the company's directory lose their access with their job. Without its provider an account falls back to users of its own."
remediation = "`aws iam create-saml-provider --name NAME --saml-metadata-document file://metadata.xml`"
how         = { cli = "aws iam create-saml-provider --name NAME --saml-metadata-document file://metadata.xml", terraform = "aws_iam_saml_provider", console = "IAM > Identity providers > Add provider" }
references  = ["https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_saml.html"]

[params.provider_name]
type    = "string"
default = "ADFS"
doc     = "The name of the SAML provider that every account has to have."
---*/
-- Names of providers are exact to the letter case. The summary stands for the account: each has one.
with providers as (
    select
        account_id,
        max(valid_until) as valid_until
    from aws_iam_saml_provider
    where arn like '%:saml-provider/%' and regexp_replace(arn, '^.*:saml-provider/', '') = $provider_name
    group by account_id
)

select
    aws_iam_account_summary.asset_id,
    aws_iam_account_summary.account_id,
    aws_iam_account_summary.region,
    case
        when providers.account_id is null then 'there is no SAML provider ' || $provider_name
        else 'the metadata of SAML provider ' || $provider_name || ' has expired'
    end as reason,
    providers.valid_until
from aws_iam_account_summary
left join providers
    on aws_iam_account_summary.account_id = providers.account_id
where
    providers.account_id is null
    or providers.valid_until <= now()
