/*---
id          = "aws-s3-bucket-public-access-block"
title       = "S3 buckets have all four flags of the public access block on"
severity    = "medium"
category    = "security"
asset_type  = "aws_s3_bucket"
description = "The block is the seat belt: with it, one wrong ACL or policy makes nothing public. A flag counts when the bucket or the whole account has it on."
remediation = "`aws s3control put-public-access-block --account-id ID --public-access-block-configuration BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true`, or the same per bucket."
fix         = "aws-s3-block-public-access"
how         = { cli = "aws s3api put-public-access-block --bucket NAME --public-access-block-configuration BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true", terraform = "aws_s3_bucket_public_access_block", console = "S3 > Buckets > Permissions > Block public access > Edit" }
references  = ["https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html"]
---*/
-- Null means that the bucket or the account has no block, which is the same as a flag that is off.
with missing as (
    select
        asset_id,
        account_id,
        region,
        array_to_string(
            make_array(
                case when not (coalesce(block_public_acls, false) or coalesce(account_block_public_acls, false)) then 'BlockPublicAcls' end,
                case when not (coalesce(ignore_public_acls, false) or coalesce(account_ignore_public_acls, false)) then 'IgnorePublicAcls' end,
                case when not (coalesce(block_public_policy, false) or coalesce(account_block_public_policy, false)) then 'BlockPublicPolicy' end,
                case when not (coalesce(restrict_public_buckets, false) or coalesce(account_restrict_public_buckets, false)) then 'RestrictPublicBuckets' end
            ),
            ', '
        ) as flags
    from aws_s3_bucket
)

select
    asset_id,
    account_id,
    region,
    'off for the bucket and the account: ' || flags as reason
from missing
where flags <> ''
