/*---
id          = "aws-lambda-function-runtime-supported"
title       = "Lambda functions use a runtime that AWS still patches"
severity    = "medium"
category    = "security"
asset_type  = "aws_lambda_function"
description = "A deprecated runtime gets no security patches. Later AWS refuses to update, and then to make, functions that use it."
remediation = "Move the code to a supported runtime: `aws lambda update-function-configuration --function-name NAME --runtime RUNTIME`."
how         = { cli = "aws lambda update-function-configuration --function-name NAME --runtime RUNTIME", terraform = "aws_lambda_function: runtime", console = "Lambda > Functions > Code > Runtime settings > Edit" }
references  = ["https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html"]

[params.deprecated_runtimes]
type    = "list<string>"
default = [
    "dotnet5.0", "dotnet6", "dotnet7", "dotnetcore1.0", "dotnetcore2.0", "dotnetcore2.1", "dotnetcore3.1",
    "go1.x", "java8",
    "nodejs", "nodejs4.3", "nodejs4.3-edge", "nodejs6.10", "nodejs8.10",
    "nodejs10.x", "nodejs12.x", "nodejs14.x", "nodejs16.x", "nodejs18.x",
    "provided",
    "python2.7", "python3.6", "python3.7", "python3.8", "python3.9",
    "ruby2.5", "ruby2.7",
]
doc     = "Runtimes that AWS no longer patches; as of January 2026."
---*/
-- Container images bring their runtime along and have none here.
select
    asset_id,
    account_id,
    region,
    'runtime ' || runtime || ' is deprecated' as reason,
    last_modified
from aws_lambda_function
where array_has($deprecated_runtimes, runtime)
