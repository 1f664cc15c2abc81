/*---
id          = "aws-emr-region-blocks-public-clusters"
title       = "EMR refuses public clusters"
severity    = "high"
category    = "security"
asset_type  = "aws_emr_block_public_access_configuration"
description = "A cluster whose ports are open runs anybody's jobs."
remediation = "Block public access, in each region."
how         = { cli = "aws emr put-block-public-access-configuration --block-public-access-configuration BlockPublicSecurityGroupRules=true", terraform = "aws_emr_block_public_access_configuration: block_public_security_group_rules = true", console = "EMR > Block public access > Edit" }
---*/
select
    asset_id,
    account_id,
    region,
    'public clusters are allowed' as reason
from aws_emr_block_public_access_configuration
where not block_public_security_group_rules
