/*---
id          = "aws-stepfunctions-state-machine-logged"
title       = "State machines log what they do"
severity    = "low"
category    = "governance"
asset_type  = "aws_sfn_state_machine"
description = "Without logs nobody can tell why an execution failed."
remediation = "Turn logging on."
how         = { cli = "aws stepfunctions update-state-machine --state-machine-arn ARN --logging-configuration file://logging.json", terraform = "aws_sfn_state_machine: logging_configuration", console = "Step Functions > State machines > Edit > Config > Logging" }
---*/
select
    asset_id,
    account_id,
    region,
    'logging is off' as reason
from aws_sfn_state_machine
where coalesce(logging_level, 'OFF') = 'OFF'
