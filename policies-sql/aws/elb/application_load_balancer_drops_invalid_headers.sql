/*---
id          = "aws-elb-application-load-balancer-drops-invalid-headers"
title       = "Application load balancers drop invalid headers"
severity    = "medium"
category    = "security"
asset_type  = "aws_ec2_application_load_balancer"
description = "Header names that HTTP does not allow are how one request is smuggled inside another. The load balancer can drop them before they reach a server that reads them otherwise."
remediation = "`aws elbv2 modify-load-balancer-attributes --load-balancer-arn ARN --attributes Key=routing.http.drop_invalid_header_fields.enabled,Value=true`"
how         = { cli = "aws elbv2 modify-load-balancer-attributes --load-balancer-arn ARN --attributes Key=routing.http.drop_invalid_header_fields.enabled,Value=true", terraform = "aws_lb: drop_invalid_header_fields = true", console = "EC2 > Load Balancers > Attributes > Edit > Drop invalid header fields" }
references  = ["https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-load-balancer-attributes.html"]
---*/
-- The default is false and may be left out of the answer; a null map was not read.
select
    asset_id,
    account_id,
    region,
    'invalid headers are passed on' as reason
from aws_ec2_application_load_balancer
where
    load_balancer_attributes is not null
    and coalesce(load_balancer_attributes['routing.http.drop_invalid_header_fields.enabled'], 'false') <> 'true'
