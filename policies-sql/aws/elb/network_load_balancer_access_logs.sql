/*---
id          = "aws-elb-network-load-balancer-access-logs"
title       = "Network load balancers write access logs"
severity    = "high"
category    = "governance"
asset_type  = "aws_ec2_network_load_balancer"
description = "Without the log of its requests nobody can tell afterwards who came, what they asked for and what they got."
remediation = "`aws elbv2 modify-load-balancer-attributes --load-balancer-arn ARN --attributes Key=access_logs.s3.enabled,Value=true Key=access_logs.s3.bucket,Value=BUCKET`; load balancers that need no log say so by the tag `logging` = false."
how         = { cli = "aws elbv2 modify-load-balancer-attributes --load-balancer-arn ARN --attributes Key=access_logs.s3.enabled,Value=true Key=access_logs.s3.bucket,Value=BUCKET", terraform = "aws_lb: access_logs", console = "EC2 > Load Balancers > Attributes > Edit > Access logs" }
references  = ["https://docs.aws.amazon.com/elasticloadbalancing/latest/network/load-balancer-access-logs.html"]

[params.bucket_name]
type    = "string"
default = ""
doc     = "The bucket that has to receive the logs; empty: any bucket will do."
---*/
-- A tag `logging` with any value but true opts out. Settings that nobody ever set may be left out of the answer; a null
-- map was not read.
-- Only what comes over TLS is logged: one without such a listener has nothing to log.
with tls as (
    select
        asset_id,
        account_id,
        unnest(listeners) as listener
    from aws_ec2_network_load_balancer
),

settings as (
    select
        asset_id,
        account_id,
        region,
        coalesce(load_balancer_attributes['access_logs.s3.enabled'], 'false') = 'true' as enabled,
        coalesce(load_balancer_attributes['access_logs.s3.bucket'], '') as bucket_name
    from aws_ec2_network_load_balancer
    where
        load_balancer_attributes is not null
        and coalesce(lower(tags['logging']), 'true') = 'true'
)

select
    settings.asset_id,
    settings.account_id,
    settings.region,
    case
        when settings.enabled then 'access logs go to ' || settings.bucket_name || ', not to ' || $bucket_name
        else 'access logs are off'
    end as reason
from settings
left semi join tls
    on settings.account_id = tls.account_id
    and settings.asset_id = tls.asset_id
    and tls.listener['protocol'] = 'TLS'
where
    not settings.enabled
    or ($bucket_name <> '' and lower(settings.bucket_name) <> lower($bucket_name))
