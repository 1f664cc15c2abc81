/*---
id          = "aws-assets-known-application"
title       = "The tag Application names a known application"
severity    = "high"
category    = "governance"
asset_type  = "assets"
description = "Costs and issues of an unknown application belong to nobody."
remediation = "Set the tag to one of the known names."
how         = { cli = "aws resourcegroupstaggingapi tag-resources --resource-arn-list ARN --tags Application=NAME", terraform = "tags = { Application = \"NAME\" }", console = "Resource Groups & Tag Editor > Tag Editor" }
enabled     = false

[params.applications]
type    = "list<string>"
default = ["shop"]
doc     = "The names of all applications."
---*/
-- Assets without the tag are for the policy on mandatory tags.
select
    asset_id,
    account_id,
    region,
    'the application ' || tags['Application'] || ' is not known' as reason
from assets
where
    tags['Application'] is not null
    and not array_has($applications, tags['Application'])
