/*---
id          = "aws-s3-bucket-not-public"
title       = "S3 buckets are open to nobody outside"
severity    = "critical"
category    = "security"
asset_type  = "aws_s3_bucket"
description = "A public bucket is found by scanners within hours, and what it holds or takes in is no longer ours. This policy asks for any kind of public access; three others tell reading, writing and listing apart."
remediation = "Turn on the four flags of the public access block (`aws s3api put-public-access-block`), then remove the public grants and statements. Serve what has to be public through CloudFront with an origin access control."
fix         = "aws-s3-block-public-access"
how         = { cli = "aws s3api put-public-access-block --bucket NAME --public-access-block-configuration BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true", terraform = "aws_s3_bucket_public_access_block", console = "S3 > Buckets > Permissions > Block public access > Edit" }
references  = ["https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html"]

[params.pinning_keys]
type    = "list<string>"
default = ["aws:PrincipalAccount", "aws:PrincipalArn", "aws:PrincipalOrgID", "aws:PrincipalOrgPaths", "aws:SourceAccount", "aws:SourceArn", "aws:SourceIp", "aws:SourceOrgID", "aws:SourceOrgPaths", "aws:SourceOwner", "aws:SourceVpc", "aws:SourceVpce", "aws:userid", "s3:DataAccessPointAccount", "s3:DataAccessPointArn"]
doc     = "Condition keys that pin a statement to known callers when they have to equal fixed values."
---*/
-- Null flags mean that there is no public access block, null ACLs and policies that there is nothing public in them.
with grants as (
    select
        asset_id,
        account_id,
        region,
        unnest(acl) as granted
    from aws_s3_bucket
    -- The Block… flags only refuse new grants and policies; Ignore… and Restrict… cut off those that exist.
    where
        not coalesce(ignore_public_acls, false)
        and not coalesce(account_ignore_public_acls, false)
),

statements as (
    select
        asset_id,
        account_id,
        region,
        unnest(policy_std['statement']) as statement
    from aws_s3_bucket
    where
        not coalesce(restrict_public_buckets, false)
        and not coalesce(account_restrict_public_buckets, false)
),

ways as (
    select
        asset_id,
        account_id,
        region,
        'the ACL grants ' || granted['permission'] || ' to ' || regexp_replace(granted['grantee']['uri'], '^.*/', '') as way
    from grants
    where granted['grantee']['uri'] ~ '/(AllUsers|AuthenticatedUsers)$'

    union all

    select
        asset_id,
        account_id,
        region,
        'policy statement ' || coalesce(nullif(statement['sid'], ''), 'without Sid') || ' allows everyone' as way
    from statements
    where
        statement['effect'] = 'Allow'
        -- Allow with NotPrincipal is everyone but the few that it names.
        and (array_has(statement['principal']['AWS'], '*') or cardinality(statement['not_principal']) > 0)
        -- A condition narrows when it wants a pinning key to equal fixed values: not `*`, not 0.0.0.0/0,
        -- and not with …IfExists or ForAllValues, which are true where the key is missing.
        and coalesce(
            replace(statement['condition'], ' ', '') !~* (
                '"(ForAnyValue:)?(String(Equals|EqualsIgnoreCase|Like)|Arn(Equals|Like)|IpAddress)":\{[^}]*"('
                || array_to_string($pinning_keys, '|')
                || ')":("[^"]*[^"*0./:][^"]*"|\["[^"]*[^"*0./:][^"]*"(,"[^"]*[^"*0./:][^"]*")*\])'
            ),
            true
        )

    union all

    -- What AWS itself calls public, which knows conditions that the text above does not.
    select
        asset_id,
        account_id,
        region,
        'AWS calls the bucket policy public' as way
    from aws_s3_bucket
    where
        bucket_policy_is_public
        and not coalesce(restrict_public_buckets, false)
        and not coalesce(account_restrict_public_buckets, false)
)

select
    asset_id,
    account_id,
    region,
    string_agg(distinct way, '; ' order by way) as reason
from ways
group by
    asset_id,
    account_id,
    region
