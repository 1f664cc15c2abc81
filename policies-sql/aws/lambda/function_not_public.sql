/*---
id          = "aws-lambda-function-not-public"
title       = "Lambda functions cannot be called by everyone"
severity    = "critical"
category    = "security"
asset_type  = "aws_lambda_function"
description = "A resource policy for every principal lets anybody with any AWS account call the function, at our cost and with the rights of its role."
remediation = "`aws lambda remove-permission --function-name NAME --statement-id SID`, then grant it again for one account, service or organization: `--principal`, `--source-arn`, `--principal-org-id`."
how         = { cli = "aws lambda remove-permission --function-name NAME --statement-id SID", terraform = "aws_lambda_permission: source_arn", console = "Lambda > Functions > Configuration > Permissions > Resource-based policy statements" }
references  = ["https://docs.aws.amazon.com/lambda/latest/dg/access-control-resource-based.html"]

[params.pinning_keys]
type    = "list<string>"
default = ["aws:PrincipalAccount", "aws:PrincipalArn", "aws:PrincipalOrgID", "aws:PrincipalOrgPaths", "aws:SourceAccount", "aws:SourceArn", "aws:SourceIp", "aws:SourceOrgID", "aws:SourceOrgPaths", "aws:SourceVpc", "aws:SourceVpce", "aws:userid"]
doc     = "Condition keys that pin a statement to known callers when they have to equal fixed values."
---*/
-- A null policy means that there is none. Policies of versions and aliases are not collected.
with statements as (
    select
        asset_id,
        account_id,
        region,
        unnest(policy_std['statement']) as statement
    from aws_lambda_function
),

-- A condition narrows when it wants a pinning key to equal fixed values: not `*`, not 0.0.0.0/0, and not with …IfExists
-- or ForAllValues, which a missing key passes. The kind of function URL (lambda:FunctionUrlAuthType) says nothing of who.
public_statements as (
    select
        asset_id,
        account_id,
        region,
        coalesce(nullif(statement['sid'], ''), 'without Sid') as sid
    from statements
    where
        statement['effect'] = 'Allow'
        and array_has(statement['principal']['AWS'], '*')
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
    'everyone may call it by statement ' || string_agg(distinct sid, ', ' order by sid) as reason
from public_statements
group by
    asset_id,
    account_id,
    region
