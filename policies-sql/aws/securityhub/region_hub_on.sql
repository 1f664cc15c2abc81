/*---
id          = "aws-securityhub-region-hub-on"
title       = "Security Hub is on in every region"
severity    = "medium"
category    = "security"
asset_type  = "aws_region"
description = "It gathers what the other services find."
remediation = "Turn it on, or let the organization's administrator turn it on for all accounts."
how         = { cli = "aws securityhub enable-security-hub --region REGION", terraform = "aws_securityhub_account", console = "Security Hub > Go to Security Hub > Enable" }

[params.exempt_regions]
type    = "list<string>"
default = []
doc     = "Regions that need none."
---*/
-- A region that the account did not opt in to can hold nothing.
with watched as (
    select
        account_id,
        region
    from aws_securityhub_hub
    where hub_arn is not null
    group by
        account_id,
        region
)

select
    aws_region.asset_id,
    aws_region.account_id,
    aws_region.region,
    'Security Hub is off in ' || aws_region.name as reason
from aws_region
left anti join watched
    on aws_region.account_id = watched.account_id
    and aws_region.name = watched.region
where
    aws_region.opt_in_status in ('opt-in-not-required', 'opted-in')
    and not coalesce(array_has($exempt_regions, aws_region.name), false)
