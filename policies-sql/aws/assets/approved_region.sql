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
with within_reach as (
    select
        asset_type,
        asset_id,
        account_id,
        region,
        collected_in,
        name
    from assets
    where
        starts_with(asset_type, 'aws_')
        and asset_type not in (
            'aws_ec2_instance', 'aws_ec2_network_interface', 'aws_kms_key', 'aws_vpc',
            'aws_vpc_eip', 'aws_vpc_security_group', 'aws_vpc_subnet'
        )

    union all

    select
        'aws_ec2_instance' as asset_type,
        asset_id,
        account_id,
        region,
        collected_in,
        name
    from aws_ec2_instance
    where not coalesce(instance_state in ('shutting-down', 'terminated'), false)

    union all

    select
        'aws_ec2_network_interface' as asset_type,
        asset_id,
        account_id,
        region,
        collected_in,
        name
    from aws_ec2_network_interface
    where not coalesce(requester_managed or owner_id <> account_id, false)

    union all

    select
        'aws_kms_key' as asset_type,
        asset_id,
        account_id,
        region,
        collected_in,
        name
    from aws_kms_key
    where not coalesce(key_manager = 'AWS', false)

    union all

    select
        'aws_vpc' as asset_type,
        asset_id,
        account_id,
        region,
        collected_in,
        name
    from aws_vpc
    where not coalesce(owner_id <> account_id, false)

    union all

    select
        'aws_vpc_eip' as asset_type,
        asset_id,
        account_id,
        region,
        collected_in,
        name
    from aws_vpc_eip
    where not coalesce(service_managed <> '', false)

    union all

    select
        'aws_vpc_security_group' as asset_type,
        asset_id,
        account_id,
        region,
        collected_in,
        name
    from aws_vpc_security_group
    where not coalesce(owner_id <> account_id, false)

    union all

    select
        'aws_vpc_subnet' as asset_type,
        asset_id,
        account_id,
        region,
        collected_in,
        name
    from aws_vpc_subnet
    where not coalesce(owner_id <> account_id, false)
)

-- Global assets are nowhere in particular.
select
    asset_id,
    account_id,
    region,
    region || ' is not among the approved regions ' || array_to_string($approved_regions, ', ') as reason,
    asset_type,
    collected_in,
    name
from within_reach
where
    region <> 'global'
    and cardinality($approved_regions) > 0
    and not array_has($approved_regions, region)
    and not coalesce(array_has($exempt_types, asset_type), false)
    -- Rules that a service made; EventBridge refuses to change them.
    and asset_id !~ ':rule/(AutoScalingManagedRule|StepFunctionsGetEvent|AwsBackupManagedRule|DO-NOT-DELETE-)'
