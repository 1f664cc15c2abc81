/*---
id          = "aws-accessanalyzer-region-analyzer-on"
title       = "IAM Access Analyzer looks in every region"
severity    = "medium"
category    = "security"
asset_type  = "aws_region"
description = "It finds what others can reach."
remediation = "Make an analyzer, in each region."
how         = { cli = "aws accessanalyzer create-analyzer --analyzer-name NAME --type ACCOUNT --region REGION", terraform = "aws_accessanalyzer_analyzer", console = "IAM > Access analyzer > Create analyzer" }

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
    from aws_accessanalyzer_analyzer
    where status = 'ACTIVE' and type in ('ACCOUNT', 'ORGANIZATION')
    group by
        account_id,
        region
)

select
    aws_region.asset_id,
    aws_region.account_id,
    aws_region.region,
    'there is no active analyzer in ' || aws_region.name as reason
from aws_region
left anti join watched
    on aws_region.account_id = watched.account_id
    and aws_region.name = watched.region
where
    aws_region.opt_in_status in ('opt-in-not-required', 'opted-in')
    and not coalesce(array_has($exempt_regions, aws_region.name), false)
