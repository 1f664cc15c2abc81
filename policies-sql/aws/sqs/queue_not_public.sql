/*---
id          = "aws-sqs-queue-not-public"
title       = "No queue policy lets everyone in"
severity    = "critical"
category    = "security"
asset_type  = "aws_sqs_queue"
description = "A queue policy for every principal lets anybody with any AWS account send messages for our programs to act on, or take away and read those that wait."
remediation = "Name accounts or services in the policy, or pin it by aws:SourceArn or aws:PrincipalOrgID: `aws sqs set-queue-attributes --queue-url URL --attributes file://policy.json`."
how         = { cli = "aws sqs set-queue-attributes --queue-url URL --attributes file://policy.json", terraform = "aws_sqs_queue_policy", console = "SQS > Queues > Edit > Access policy" }
references  = ["https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-security-best-practices.html"]

[params.pinning_keys]
type    = "list<string>"
default = ["aws:PrincipalAccount", "aws:PrincipalArn", "aws:PrincipalOrgID", "aws:PrincipalOrgPaths", "aws:SourceAccount", "aws:SourceArn", "aws:SourceIp", "aws:SourceOrgID", "aws:SourceOrgPaths", "aws:SourceOwner", "aws:SourceVpc", "aws:SourceVpce", "aws:userid"]
doc     = "Condition keys that pin a statement to known callers when they have to equal fixed values."
---*/
-- A null policy means that there is none: only the queue's own account may use it.
with statements as (
    select
        asset_id,
        account_id,
        region,
        unnest(policy_std['statement']) as statement
    from aws_sqs_queue
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
    'everyone may use the queue by statement ' || string_agg(distinct sid, ', ' order by sid) as reason
from public_statements
group by
    asset_id,
    account_id,
    region
