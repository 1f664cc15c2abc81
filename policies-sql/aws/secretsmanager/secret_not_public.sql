/*---
id          = "aws-secretsmanager-secret-not-public"
title       = "No secret's policy lets everyone in"
severity    = "critical"
category    = "security"
asset_type  = "aws_secretsmanager_secret"
description = "Anybody with any AWS account could read the secret."
remediation = "Name accounts or roles in the policy, and change the secret."
how         = { cli = "aws secretsmanager put-resource-policy --secret-id ID --resource-policy file://policy.json --block-public-policy", terraform = "aws_secretsmanager_secret_policy: block_public_policy = true", console = "Secrets Manager > Secrets > Overview > Resource permissions" }

[params.pinning_keys]
type    = "list<string>"
default = ["aws:PrincipalAccount", "aws:PrincipalArn", "aws:PrincipalOrgID", "aws:PrincipalOrgPaths", "aws:SourceAccount", "aws:SourceArn", "aws:SourceIp", "aws:SourceOrgID", "aws:SourceOrgPaths", "aws:SourceOwner", "aws:SourceVpc", "aws:SourceVpce", "aws:userid"]
doc     = "Condition keys that pin a statement to known callers when they have to equal fixed values."
---*/
-- A null policy lets nobody else in, or was not read.
with statements as (
    select
        asset_id,
        account_id,
        region,
        unnest(policy_std['statement']) as statement
    from aws_secretsmanager_secret
),

-- Allow with NotPrincipal is everyone but the few that it names. A condition narrows when it wants a pinning key to
-- equal fixed values: not `*`, not 0.0.0.0/0, and not with …IfExists or ForAllValues, which a missing key passes.
public_statements as (
    select
        asset_id,
        account_id,
        region,
        coalesce(nullif(statement['sid'], ''), 'without Sid') as sid
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
)

select
    asset_id,
    account_id,
    region,
    'everyone may use the secret by statement ' || string_agg(distinct sid, ', ' order by sid) as reason
from public_statements
group by
    asset_id,
    account_id,
    region
