/*---
id          = "aws-elb-classic-load-balancer-access-logs"
title       = "Classic load balancers write access logs"
severity    = "high"
category    = "governance"
asset_type  = "aws_ec2_classic_load_balancer"
description = "Without access logs nobody can tell who called what."
remediation = "Turn access logs on."
how         = { cli = "aws elb modify-load-balancer-attributes --load-balancer-name NAME --load-balancer-attributes AccessLog={Enabled=true,S3BucketName=BUCKET}", terraform = "aws_elb: access_logs", console = "EC2 > Load Balancers > Attributes > Edit > Access logs" }

[params.bucket_name]
type    = "string"
default = ""
doc     = "The bucket that has to receive the logs; empty: any bucket will do."
---*/
-- A tag `logging` with any value but true opts out.
with settings as (
    select
        asset_id,
        account_id,
        region,
        access_log_enabled as enabled,
        coalesce(access_log_s3_bucket_name, '') as bucket_name
    from aws_ec2_classic_load_balancer
    where
        access_log_enabled is not null
        and coalesce(lower(tags['logging']), 'true') = 'true'
)

select
    asset_id,
    account_id,
    region,
    case
        when enabled then 'access logs go to ' || bucket_name || ', not to ' || $bucket_name
        else 'access logs are off'
    end as reason
from settings
where
    not enabled
    or ($bucket_name <> '' and lower(bucket_name) <> lower($bucket_name))
