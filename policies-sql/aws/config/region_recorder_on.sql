/*---
id          = "aws-config-region-recorder-on"
title       = "AWS Config records in every region"
severity    = "medium"
category    = "security"
asset_type  = "aws_region"
description = "Without a recorder nobody can tell how something was before it was changed."
remediation = "Turn the recorder on, in each region."
how         = { cli = "aws configservice start-configuration-recorder --configuration-recorder-name default --region REGION", terraform = "aws_config_configuration_recorder_status: is_enabled = true", console = "Config > Settings > Recorder" }

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
    from aws_config_configuration_recorder
    where coalesce(status_recording, true)
    group by
        account_id,
        region
)

select
    aws_region.asset_id,
    aws_region.account_id,
    aws_region.region,
    'AWS Config does not record in ' || aws_region.name as reason
from aws_region
left anti join watched
    on aws_region.account_id = watched.account_id
    and aws_region.name = watched.region
where
    aws_region.opt_in_status in ('opt-in-not-required', 'opted-in')
    and not coalesce(array_has($exempt_regions, aws_region.name), false)
