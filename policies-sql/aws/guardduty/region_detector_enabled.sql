/*---
id          = "aws-guardduty-region-detector-enabled"
title       = "GuardDuty watches every region of every account"
severity    = "high"
category    = "security"
asset_type  = "aws_region"
description = "GuardDuty finds stolen keys, mining and talk with known attackers, in each region by itself. Who breaks in works where nobody looks."
remediation = "`aws guardduty create-detector --enable --region REGION`, or let the organization's GuardDuty administrator turn it on for all accounts."
how         = { cli = "aws guardduty create-detector --enable --region REGION", terraform = "aws_guardduty_detector: enable = true", console = "GuardDuty > Get started > Enable" }
references  = ["https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_regions.html"]

[params.exempt_regions]
type    = "list<string>"
default = []
doc     = "Regions that need no detector, for example because a service control policy forbids to use them."
---*/
-- A region that the account did not opt in to can hold nothing. A detector whose status could not be read is taken to
-- be enabled; one that is DISABLED is suspended and finds nothing.
with detectors as (
    select
        account_id,
        region,
        bool_or(coalesce(status, 'ENABLED') = 'ENABLED') as enabled
    from aws_guardduty_detector
    group by
        account_id,
        region
)

select
    aws_region.asset_id,
    aws_region.account_id,
    aws_region.region,
    case
        when detectors.account_id is null then 'there is no GuardDuty detector in ' || aws_region.name
        else 'the GuardDuty detector in ' || aws_region.name || ' is suspended'
    end as reason
from aws_region
left join detectors
    on aws_region.account_id = detectors.account_id
    and aws_region.name = detectors.region
where
    aws_region.opt_in_status in ('opt-in-not-required', 'opted-in')
    and not coalesce(detectors.enabled, false)
    and not coalesce(array_has($exempt_regions, aws_region.name), false)
