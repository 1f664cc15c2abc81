/*---
id          = "aws-redshift-cluster-version-upgrades"
title       = "Redshift clusters take new versions by themselves"
severity    = "low"
category    = "governance"
asset_type  = "aws_redshift_cluster"
description = "New versions bring repairs of security holes."
remediation = "Allow version upgrades."
how         = { cli = "aws redshift modify-cluster --cluster-identifier ID --allow-version-upgrade", terraform = "aws_redshift_cluster: allow_version_upgrade = true", console = "Redshift > Clusters > Maintenance > Edit" }
---*/
select
    asset_id,
    account_id,
    region,
    'new versions are refused' as reason
from aws_redshift_cluster
where not allow_version_upgrade
