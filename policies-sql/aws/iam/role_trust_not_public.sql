/*---
id          = "aws-iam-role-trust-not-public"
title       = "No role can be assumed by everyone"
severity    = "critical"
category    = "security"
asset_type  = "aws_iam_role"
description = "A trust policy for every principal hands the role's rights to anybody with any AWS account."
remediation = "Name the accounts, roles or services in the trust policy, or ask for the organization by aws:PrincipalOrgID: `aws iam update-assume-role-policy`."
how         = { cli = "aws iam update-assume-role-policy --role-name NAME --policy-document file://trust.json", terraform = "aws_iam_role: assume_role_policy", console = "IAM > Roles > Trust relationships > Edit trust policy" }
references  = ["https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html"]

[params.pinning_keys]
type    = "list<string>"
default = ["aws:PrincipalAccount", "aws:PrincipalArn", "aws:PrincipalOrgID", "aws:PrincipalOrgPaths", "aws:SourceAccount", "aws:SourceArn", "aws:SourceIp", "aws:SourceOrgID", "aws:SourceOrgPaths", "aws:SourceVpc", "aws:SourceVpce", "aws:userid"]
doc     = "Condition keys that pin a statement to known callers when they have to equal fixed values. An external id is none: it is no secret."
---*/
-- Service-linked roles belong to AWS.
with statements as (
    select
        asset_id,
        account_id,
        region,
        unnest(assume_role_policy_std['statement']) as statement
    from aws_iam_role
    where path not like '/aws-service-role/%'
)

-- Allow with NotPrincipal is everyone but the few that it names. A condition narrows when it wants a pinning key to
-- equal fixed values: not `*`, not 0.0.0.0/0, and not with …IfExists or ForAllValues, which a missing key passes.
select
    asset_id,
    account_id,
    region,
    case
        when bool_or(statement['condition'] is null) then 'everyone may assume the role'
        else 'everyone may assume the role under a condition that does not say who'
    end as reason
from statements
where
    statement['effect'] = 'Allow'
    and (array_has(statement['principal']['AWS'], '*') or cardinality(statement['not_principal']) > 0)
    and coalesce(
        replace(statement['condition'], ' ', '') !~* (
            '"(ForAnyValue:)?(String(Equals|EqualsIgnoreCase|Like)|Arn(Equals|Like)|IpAddress)":\{[^}]*"('
            || array_to_string($pinning_keys, '|')
            || ')":("[^"]*[^"*0./:][^"]*"|\["[^"]*[^"*0./:][^"]*"(,"[^"]*[^"*0./:][^"]*")*\])'
        ),
        true
    )
group by
    asset_id,
    account_id,
    region
