/*---
id          = "aws-mq-broker-minor-upgrades"
title       = "Brokers take minor versions by themselves"
severity    = "low"
category    = "governance"
asset_type  = "aws_mq_broker"
description = "New versions bring repairs of security holes."
remediation = "Turn automatic upgrades on."
how         = { cli = "aws mq update-broker --broker-id ID --auto-minor-version-upgrade", terraform = "aws_mq_broker: auto_minor_version_upgrade = true", console = "Amazon MQ > Brokers > Edit > Maintenance" }
---*/
select
    asset_id,
    account_id,
    region,
    'minor versions are not taken' as reason
from aws_mq_broker
where not auto_minor_version_upgrade
