/*---
id          = "aws-apigateway-resource-methods-authorized"
title       = "Methods of REST APIs ask who calls"
severity    = "high"
category    = "security"
asset_type  = "aws_api_gateway_resource"
description = "A method without an authoriser or key does what it does for everybody."
remediation = "Give the method an authoriser."
how         = { cli = "aws apigateway update-method --rest-api-id API --resource-id RESOURCE --http-method GET --patch-operations op=replace,path=/authorizationType,value=AWS_IAM", terraform = "aws_api_gateway_method: authorization = \"AWS_IAM\"", console = "API Gateway > APIs > Resources > Method request > Edit" }
---*/
-- OPTIONS is asked by browsers before they know who they are, and is left out.
select
    asset_id,
    account_id,
    region,
    'a method asks for neither authorisation nor a key' as reason
from aws_api_gateway_resource
where (coalesce(get_method['authorization_type'] = 'NONE' and not coalesce(get_method['api_key_required'], false), false)
        or coalesce(post_method['authorization_type'] = 'NONE' and not coalesce(post_method['api_key_required'], false), false)
        or coalesce(put_method['authorization_type'] = 'NONE' and not coalesce(put_method['api_key_required'], false), false)
        or coalesce(patch_method['authorization_type'] = 'NONE' and not coalesce(patch_method['api_key_required'], false), false)
        or coalesce(delete_method['authorization_type'] = 'NONE' and not coalesce(delete_method['api_key_required'], false), false)
        or coalesce(head_method['authorization_type'] = 'NONE' and not coalesce(head_method['api_key_required'], false), false)
        or coalesce(any_method['authorization_type'] = 'NONE' and not coalesce(any_method['api_key_required'], false), false))
