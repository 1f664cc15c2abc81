/*---
id          = "aws-kms-key-policy-not-public"
title       = "No key policy lets everyone in"
severity    = "critical"
category    = "security"
asset_type  = "aws_kms_key"
description = "A key policy for every principal lets anybody with any AWS account use the key, and with kms:* change or delete it: encryption then protects nothing."
remediation = "Name accounts, roles or services in the key policy, or pin it by aws:PrincipalOrgID or kms:CallerAccount: `aws kms put-key-policy`."
how         = { cli = "aws kms put-key-policy --key-id ID --policy-name default --policy file://policy.json", terraform = "aws_kms_key_policy", console = "KMS > Customer managed keys > Key policy > Edit" }
references  = ["https://docs.aws.amazon.com/kms/latest/developerguide/key-policies.html"]

[params.pinning_keys]
type    = "list<string>"
default = ["aws:PrincipalAccount", "aws:PrincipalArn", "aws:PrincipalOrgID", "aws:PrincipalOrgPaths", "aws:SourceAccount", "aws:SourceArn", "aws:SourceIp", "aws:SourceOrgID", "aws:SourceOrgPaths", "aws:SourceVpc", "aws:SourceVpce", "aws:userid", "kms:CallerAccount"]
doc     = "Condition keys that pin a statement to known callers when they have to equal fixed values. kms:ViaService is none: everybody has that service."
---*/
-- Keys that AWS manages are not the customer's to change.
with statements as (
    select
        asset_id,
        account_id,
        region,
        unnest(policy_std['statement']) as statement
    from aws_kms_key
    where key_manager = 'CUSTOMER'
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
    'everyone may use the key by statement ' || string_agg(distinct sid, ', ' order by sid) as reason
from public_statements
group by
    asset_id,
    account_id,
    region
