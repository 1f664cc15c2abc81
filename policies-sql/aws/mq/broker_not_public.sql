/*---
id          = "aws-mq-broker-not-public"
title       = "Brokers have no public address"
severity    = "critical"
category    = "security"
asset_type  = "aws_mq_broker"
description = "A broker with a public address is guarded by passwords alone."
remediation = "Make it again without."
how         = { cli = "aws mq create-broker --no-publicly-accessible --broker-name NEW", terraform = "aws_mq_broker: publicly_accessible = false", console = "Amazon MQ > Brokers > Create > Access type" }
---*/
select
    asset_id,
    account_id,
    region,
    'the broker has a public address' as reason
from aws_mq_broker
where publicly_accessible
