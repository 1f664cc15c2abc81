/*---
id          = "aws-assets-mandatory-tags"
title       = "Assets carry the mandatory tags"
severity    = "medium"
category    = "tagging"
asset_type  = "assets"
description = "Without tags nobody knows whom to ask about an asset, who pays for it, and whether it may be switched off."
remediation = "Add the tags, for most types with `aws resourcegroupstaggingapi tag-resources --resource-arn-list ARN --tags Application=NAME`, and in the template that made the asset."
fix         = "aws-assets-add-tags"
how         = { cli = "aws resourcegroupstaggingapi tag-resources --resource-arn-list ARN --tags Application=NAME", terraform = "provider \"aws\": default_tags", console = "Resource Groups & Tag Editor > Tag Editor > Manage tags" }
references  = ["https://docs.aws.amazon.com/tag-editor/latest/userguide/tagging.html"]

[params.mandatory_tags]
type    = "list<string>"
default = ["Application", "Environment"]
doc     = "Keys that every asset has to have, in any case. An empty value will do."

[params.exempt_types]
type    = "list<string>"
default = [
    "aws_account", "aws_iam_access_key", "aws_iam_account_password_policy", "aws_iam_account_summary", "aws_iam_group",
    "aws_iam_policy", "aws_iam_saml_provider", "aws_iam_server_certificate", "aws_region", "aws_vpc_security_group_rule",
]
doc     = "Asset types that have no tags, whose tags are not collected, or that belong to an asset which has them."
---*/
-- Most APIs leave tags out where there are none, so null is that answer; assets whose tags could not be read are unknown.
with required as (
    select unnest(cast($mandatory_tags as varchar[])) as tag
),

-- An instance that is gone is still listed for an hour. Nobody can tag what AWS manages for the account, nor a key that
-- waits for its deletion.
beyond_reach as (
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
    where requester_managed

    union all

    select
        account_id,
        asset_id
    from aws_kms_key
    where
        key_manager = 'AWS'
        or key_state in ('PendingDeletion', 'PendingReplicaDeletion')
),

-- No key holds a line break.
tagged as (
    select
        assets.asset_type,
        assets.asset_id,
        assets.account_id,
        assets.region,
        assets.name,
        string_to_array(lower(array_to_string(map_keys(assets.tags), chr(10))), chr(10)) as tags
    from assets
    left anti join beyond_reach
        on assets.account_id = beyond_reach.account_id
        and assets.asset_id = beyond_reach.asset_id
    where
        starts_with(assets.asset_type, 'aws_')
        and not coalesce(array_has($exempt_types, assets.asset_type), false)
        and assets.asset_id !~ ':role/(aws-service-role|aws-reserved)/'
)

select
    tagged.asset_id,
    tagged.account_id,
    tagged.region,
    'tags are missing: ' || string_agg(required.tag, ', ' order by required.tag) as reason,
    tagged.asset_type,
    tagged.name
from tagged
inner join required
    on not coalesce(array_has(tagged.tags, lower(required.tag)), false)
group by
    tagged.asset_id,
    tagged.account_id,
    tagged.region,
    tagged.asset_type,
    tagged.name
