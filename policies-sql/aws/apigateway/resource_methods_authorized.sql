/*---
id          = "aws-apigateway-resource-methods-authorized"
title       = "Methods of REST APIs ask who calls"
severity    = "high"
category    = "security"
asset_type  = "aws_api_gateway_resource"
description = "A method without an authoriser or key does what it does for everybody."
remediation = "Give the method an authoriser."
how         = { cli = "aws apigateway update-method --rest-api-id API --resource-id RESOURCE --http-method GET --patch-operations op=replace,path=/authorizationType,value=AWS_IAM", terraform = "aws_api_gateway_method: authorization = \"AWS_IAM\"", console = "API Gateway > APIs > Resources > Method request > Edit" }

[params.accepted_types]
type    = "list<string>"
default = ["AWS_IAM", "COGNITO_USER_POOLS", "CUSTOM"]
doc     = "Kinds of authorisation that will do, in capitals; a method that wants an API key will do too."
---*/
-- OPTIONS is asked by browsers before they know who they are, and is left out. A method that is null does not exist.
with methods as (
    select
        asset_id,
        account_id,
        region,
        'GET' as method,
        get_method as setting
    from aws_api_gateway_resource

    union all

    select
        asset_id,
        account_id,
        region,
        'POST' as method,
        post_method as setting
    from aws_api_gateway_resource

    union all

    select
        asset_id,
        account_id,
        region,
        'PUT' as method,
        put_method as setting
    from aws_api_gateway_resource

    union all

    select
        asset_id,
        account_id,
        region,
        'PATCH' as method,
        patch_method as setting
    from aws_api_gateway_resource

    union all

    select
        asset_id,
        account_id,
        region,
        'DELETE' as method,
        delete_method as setting
    from aws_api_gateway_resource

    union all

    select
        asset_id,
        account_id,
        region,
        'HEAD' as method,
        head_method as setting
    from aws_api_gateway_resource

    union all

    select
        asset_id,
        account_id,
        region,
        'ANY' as method,
        any_method as setting
    from aws_api_gateway_resource
)

select
    asset_id,
    account_id,
    region,
    string_agg(method, ', ' order by method) || ' wants neither authorisation nor a key' as reason
from methods
where
    not array_has($accepted_types, upper(setting['authorization_type']))
    and not coalesce(setting['api_key_required'], false)
group by
    asset_id,
    account_id,
    region
