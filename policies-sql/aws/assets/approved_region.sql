/*---
id          = "aws-assets-approved-region"
title       = "Assets are in approved regions"
severity    = "low"
category    = "governance"
asset_type  = "assets"
description = "What runs where nobody looks is found late, often by the bill, and some data may not leave its country."
remediation = "Move the asset, or delete it. A service control policy on `aws:RequestedRegion` keeps the next one away."
how         = { cli = "aws resourcegroupstaggingapi get-resources --region REGION", terraform = "provider \"aws\": region", console = "Resource Groups & Tag Editor > Tag Editor > Regions" }
references  = ["https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps_examples_general.html"]

[params.approved_regions]
type    = "list<string>"
default = ["us-east-1", "us-east-2", "us-west-1", "us-west-2"]
doc     = "Regions that assets may be in. Where the list is empty nothing is judged."

[params.exempt_types]
type    = "list<string>"
default = [
    "aws_accessanalyzer_analyzer", "aws_accessanalyzer_finding", "aws_cloudwatch_event_bus",
    "aws_config_configuration_recorder", "aws_config_delivery_channel", "aws_config_rule", "aws_ec2_regional_settings",
    "aws_emr_block_public_access_configuration", "aws_glue_data_catalog_encryption_settings", "aws_guardduty_detector",
    "aws_guardduty_finding", "aws_inspector2_finding", "aws_inspector_finding", "aws_macie2_session", "aws_region",
    "aws_securityhub_finding", "aws_securityhub_hub", "aws_securityhub_standards_subscription",
    "aws_vpc_security_group_rule",
]
doc     = "Asset types that are not judged: a region is not in a region, a rule is where its group is, settings of a region are in every region, and what watches should be."
---*/
-- An instance that is gone is still listed for an hour. Nobody can move what AWS manages for the account,
-- nor what another account shares.
with beyond_reach as (
    select
        account_id,
        asset_id
    from aws_ec2_instance
    where instance_state in ('shutting-down', 'terminated')

    union all

    select
        account_id,
        asset_id
    from aws_ec2_network_interface
    where requester_managed or owner_id <> account_id

    union all

    select
        account_id,
        asset_id
    from aws_vpc_eip
    where coalesce(service_managed, '') <> ''

    union all

    select
        account_id,
        asset_id
    from aws_vpc
    where owner_id <> account_id

    union all

    select
        account_id,
        asset_id
    from aws_vpc_subnet
    where owner_id <> account_id

    union all

    select
        account_id,
        asset_id
    from aws_vpc_security_group
    where owner_id <> account_id

    union all

    select
        account_id,
        asset_id
    from aws_kms_key
    where key_manager = 'AWS'
)

-- Global assets are nowhere in particular.
select
    assets.asset_id,
    assets.account_id,
    assets.region,
    assets.region || ' is not among the approved regions ' || array_to_string($approved_regions, ', ') as reason,
    assets.asset_type,
    assets.name
from assets
left anti join beyond_reach
    on assets.account_id = beyond_reach.account_id
    and assets.asset_id = beyond_reach.asset_id
where
    starts_with(assets.asset_type, 'aws_')
    and assets.region <> 'global'
    and cardinality($approved_regions) > 0
    and not array_has($approved_regions, assets.region)
    and not coalesce(array_has($exempt_types, assets.asset_type), false)
    -- Rules that a service made; EventBridge refuses to change them.
    and assets.asset_id !~ ':rule/(AutoScalingManagedRule|StepFunctionsGetEvent|AwsBackupManagedRule|DO-NOT-DELETE-)'
