/*---
id          = "aws-assets-mandatory-tags"
title       = "Assets carry the mandatory tags"
severity    = "medium"
category    = "tagging"
asset_type  = "assets"
description = "Without tags nobody knows whom to ask about an asset, who pays for it, and whether it may be switched off."
remediation = "Add the tags, for most types with `aws resourcegroupstaggingapi tag-resources --resource-arn-list ARN --tags Application=NAME`, and in the template that made the asset."
fix         = "aws-assets-add-tags"
by_account  = true
how         = { cli = "aws resourcegroupstaggingapi tag-resources --resource-arn-list ARN --tags Application=NAME", terraform = "provider \"aws\": default_tags", console = "Resource Groups & Tag Editor > Tag Editor > Manage tags" }
references  = ["https://docs.aws.amazon.com/tag-editor/latest/userguide/tagging.html"]

[params.mandatory_tags]
type    = "list<string>"
default = ["Application", "Environment"]
doc     = "Keys that every asset has to have, in any case. An empty value will do."

[params.exempt_types]
type    = "list<string>"
default = [
    "aws_accessanalyzer_finding", "aws_account", "aws_account_alternate_contact", "aws_account_contact",
    "aws_api_gateway_resource", "aws_backup_plan", "aws_backup_protected_resource", "aws_backup_vault",
    "aws_cloudwatch_alarm", "aws_cloudwatch_event_bus", "aws_cloudwatch_log_metric_filter",
    "aws_config_configuration_recorder", "aws_config_delivery_channel", "aws_config_rule", "aws_ec2_autoscaling_policy",
    "aws_ec2_launch_configuration", "aws_ec2_load_balancer_listener", "aws_ec2_regional_settings",
    "aws_elastic_beanstalk_application", "aws_elasticache_reserved_cache_node",
    "aws_emr_block_public_access_configuration", "aws_glue_connection", "aws_glue_data_catalog_encryption_settings",
    "aws_glue_security_configuration", "aws_guardduty_finding", "aws_health_affected_entity", "aws_health_event",
    "aws_iam_access_key", "aws_iam_account_password_policy", "aws_iam_account_summary", "aws_iam_group",
    "aws_iam_policy", "aws_iam_saml_provider", "aws_iam_server_certificate", "aws_inspector2_finding",
    "aws_inspector_finding", "aws_macie2_session", "aws_organizations_policy", "aws_organizations_root",
    "aws_rds_db_event_subscription", "aws_rds_reserved_db_instance", "aws_redshift_reserved_node", "aws_region",
    "aws_route53_zone", "aws_s3_account_settings", "aws_securityhub_finding", "aws_securityhub_standards_subscription",
    "aws_shield_subscription", "aws_sns_topic_subscription", "aws_ssm_managed_instance",
    "aws_ssm_managed_instance_compliance", "aws_ssm_managed_instance_patch_state", "aws_trusted_advisor_check_resource",
    "aws_trusted_advisor_check_summary", "aws_vpc_security_group_rule", "aws_workspaces_workspace",
]
doc     = "Asset types that have no tags, whose tags are not collected, or that belong to an asset which has them."
---*/
-- Most APIs leave tags out where there are none, so null is that answer; assets whose tags could not be read are unknown.
with required as (
    select unnest(cast($mandatory_tags as varchar[])) as tag
),

-- An instance that is gone is still listed for an hour. Nobody can tag what AWS manages for the account, nor a key that
-- waits for its deletion. What another account shares is tagged there.
within_reach as (
    select
        asset_type,
        asset_id,
        account_id,
        region,
        collected_in,
        name,
        tags
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
        name,
        tags
    from aws_ec2_instance
    where not coalesce(instance_state in ('shutting-down', 'terminated'), false)

    union all

    select
        'aws_ec2_network_interface' as asset_type,
        asset_id,
        account_id,
        region,
        collected_in,
        name,
        tags
    from aws_ec2_network_interface
    where not coalesce(requester_managed or owner_id <> account_id, false)

    union all

    select
        'aws_kms_key' as asset_type,
        asset_id,
        account_id,
        region,
        collected_in,
        name,
        tags
    from aws_kms_key
    where not coalesce(key_manager = 'AWS' or key_state in ('PendingDeletion', 'PendingReplicaDeletion'), false)

    union all

    select
        'aws_vpc' as asset_type,
        asset_id,
        account_id,
        region,
        collected_in,
        name,
        tags
    from aws_vpc
    where not coalesce(owner_id <> account_id, false)

    union all

    select
        'aws_vpc_eip' as asset_type,
        asset_id,
        account_id,
        region,
        collected_in,
        name,
        tags
    from aws_vpc_eip
    where not coalesce(service_managed <> '', false)

    union all

    select
        'aws_vpc_security_group' as asset_type,
        asset_id,
        account_id,
        region,
        collected_in,
        name,
        tags
    from aws_vpc_security_group
    where not coalesce(owner_id <> account_id, false)

    union all

    select
        'aws_vpc_subnet' as asset_type,
        asset_id,
        account_id,
        region,
        collected_in,
        name,
        tags
    from aws_vpc_subnet
    where not coalesce(owner_id <> account_id, false)
),

-- No key holds a line break.
tagged as (
    select
        asset_type,
        asset_id,
        account_id,
        region,
        collected_in,
        name,
        coalesce(lower(array_to_string(map_keys(tags), chr(10))), '') as tag_keys
    from within_reach
    where
        not coalesce(array_has($exempt_types, asset_type), false)
        and asset_id !~ ':role/(aws-service-role|aws-reserved)/'
        -- Rules that a service made; EventBridge refuses to change them.
        and asset_id !~ ':rule/(AutoScalingManagedRule|StepFunctionsGetEvent|AwsBackupManagedRule|DO-NOT-DELETE-)'
),

-- Many assets have the same keys: what is missing is put together once for all of them, whatever account they are in.
missing as (
    select
        kept.tag_keys,
        string_agg(required.tag, ', ' order by required.tag) as tags
    from (
        select distinct coalesce(lower(array_to_string(map_keys(tags), chr(10))), '') as tag_keys
        from assets
    ) as kept
    inner join required
        on not array_has(string_to_array(kept.tag_keys, chr(10)), lower(required.tag))
    group by kept.tag_keys
)

select
    tagged.asset_id,
    tagged.account_id,
    tagged.region,
    'tags are missing: ' || missing.tags as reason,
    tagged.asset_type,
    tagged.collected_in,
    tagged.name
from missing
inner join tagged on missing.tag_keys = tagged.tag_keys
