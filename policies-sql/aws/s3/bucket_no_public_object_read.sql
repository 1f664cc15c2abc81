/*---
id          = "aws-s3-bucket-no-public-object-read"
title       = "S3 buckets let nobody outside read their objects"
severity    = "critical"
category    = "security"
asset_type  = "aws_s3_bucket"
description = "Who can read the objects of a bucket without being known can copy all of its data."
remediation = "Remove the statement from the bucket policy or add a condition on the organization, network or account that may read; turn on RestrictPublicBuckets."
fix         = "aws-s3-block-public-access"
how         = { cli = "aws s3api put-public-access-block --bucket NAME --public-access-block-configuration BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true", terraform = "aws_s3_bucket_public_access_block", console = "S3 > Buckets > Permissions > Block public access > Edit" }
references  = ["https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html"]

[params.pinning_keys]
type    = "list<string>"
default = ["aws:PrincipalAccount", "aws:PrincipalArn", "aws:PrincipalOrgID", "aws:PrincipalOrgPaths", "aws:SourceAccount", "aws:SourceArn", "aws:SourceIp", "aws:SourceOrgID", "aws:SourceOrgPaths", "aws:SourceOwner", "aws:SourceVpc", "aws:SourceVpce", "aws:userid", "s3:DataAccessPointAccount", "s3:DataAccessPointArn"]
doc     = "Condition keys that pin a statement to known callers when they have to equal fixed values."

[params.operations]
type    = "list<string>"
default = ["s3:GetObject", "s3:GetObjectVersion"]
doc     = "Operations that count as reading objects."
---*/
-- Only the bucket policy is judged: READ in a bucket's ACL lists its objects and does not open them, and the ACLs of
-- the objects are not collected. Null (no policy, no public access block) opens nothing and cuts nothing off.
with statements as (
    select
        asset_id,
        account_id,
        region,
        unnest(policy_std['statement']) as statement
    from aws_s3_bucket
    -- BlockPublicPolicy only refuses a new policy; RestrictPublicBuckets cuts off the one that exists.
    where
        not coalesce(restrict_public_buckets, false)
        and not coalesce(account_restrict_public_buckets, false)
),

-- Allow with NotPrincipal is everyone but the few that it names. A condition narrows when it wants a pinning key
-- to equal fixed values: not `*`, not 0.0.0.0/0, and not with …IfExists or ForAllValues, which a missing key passes.
public_statements as (
    select
        asset_id,
        account_id,
        region,
        regexp_replace(array_to_string(statement['action'], '|'), '[^a-z0-9:*?|-]', '', 'g') as actions,
        regexp_replace(array_to_string(statement['not_action'], '|'), '[^a-z0-9:*?|-]', '', 'g') as not_actions
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
),

operations as (
    select unnest(cast($operations as varchar[])) as operation
),

ways as (
    select
        asset_id,
        account_id,
        region,
        operation as way
    from public_statements
    cross join operations
    where
        lower(operation) ~ ('^(' || replace(replace(actions, '*', '.*'), '?', '.') || ')$')
        or lower(operation) !~ ('^(' || replace(replace(nullif(not_actions, ''), '*', '.*'), '?', '.') || ')$')
)

select
    asset_id,
    account_id,
    region,
    'everyone may ' || string_agg(distinct way, ', ' order by way) || ' by the bucket policy' as reason
from ways
group by
    asset_id,
    account_id,
    region
