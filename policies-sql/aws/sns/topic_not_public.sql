/*---
id          = "aws-sns-topic-not-public"
title       = "No topic policy lets everyone in"
severity    = "critical"
category    = "security"
asset_type  = "aws_sns_topic"
description = "A topic policy for every principal lets anybody with any AWS account publish to our subscribers, or subscribe and read along."
remediation = "Name accounts or services in the policy, or pin it by aws:SourceArn, aws:SourceOwner or aws:PrincipalOrgID: `aws sns set-topic-attributes --topic-arn ARN --attribute-name Policy --attribute-value file://policy.json`."
how         = { cli = "aws sns set-topic-attributes --topic-arn ARN --attribute-name Policy --attribute-value file://policy.json", terraform = "aws_sns_topic_policy", console = "SNS > Topics > Edit > Access policy" }
references  = ["https://docs.aws.amazon.com/sns/latest/dg/sns-security-best-practices.html"]

[params.pinning_keys]
type    = "list<string>"
default = ["aws:PrincipalAccount", "aws:PrincipalArn", "aws:PrincipalOrgID", "aws:PrincipalOrgPaths", "aws:SourceAccount", "aws:SourceArn", "aws:SourceIp", "aws:SourceOrgID", "aws:SourceOrgPaths", "aws:SourceOwner", "aws:SourceVpc", "aws:SourceVpce", "aws:userid"]
doc     = "Condition keys that pin a statement to known callers when they have to equal fixed values."
---*/
-- AWS writes a policy for everyone under the condition AWS:SourceOwner when a topic is made. A null policy was not read.
with statements as (
    select
        asset_id,
        account_id,
        region,
        unnest(policy_std['statement']) as statement
    from aws_sns_topic
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
    'everyone may use the topic by statement ' || string_agg(distinct sid, ', ' order by sid) as reason
from public_statements
group by
    asset_id,
    account_id,
    region
