/*---
id          = "aws-lambda-function-memory-size"
title       = "Lambda functions ask for moderate memory"
severity    = "low"
category    = "governance"
asset_type  = "aws_lambda_function"
description = "Memory is what a function pays for, every millisecond. Who asks for much of it should have measured that it needs it."
remediation = "Measure, then `aws lambda update-function-configuration --function-name NAME --memory-size MIB`; functions that need more deserve an exception."
how         = { cli = "aws lambda update-function-configuration --function-name NAME --memory-size MIB", terraform = "aws_lambda_function: memory_size", console = "Lambda > Functions > Configuration > General configuration > Edit" }
references  = ["https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html"]

[params.max_memory_mib]
type    = "int"
default = 512
doc     = "The memory that a function may ask for, in MiB."
---*/
select
    asset_id,
    account_id,
    region,
    'memory of ' || memory_size || ' MiB is more than ' || $max_memory_mib as reason,
    memory_size
from aws_lambda_function
where memory_size > $max_memory_mib
