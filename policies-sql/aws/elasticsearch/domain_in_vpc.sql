/*---
id          = "aws-elasticsearch-domain-in-vpc"
title       = "Elasticsearch domains are in a VPC"
severity    = "high"
category    = "security"
asset_type  = "aws_elasticsearch_domain"
description = "A public endpoint is guarded by its policy alone."
remediation = "A domain cannot move into a VPC: make another and move the indices."
how         = { cli = "aws opensearch create-domain --domain-name NEW --vpc-options SubnetIds=SUBNET,SecurityGroupIds=GROUP", terraform = "aws_elasticsearch_domain: vpc_options", console = "OpenSearch Service > Create domain > Network" }
---*/
select
    asset_id,
    account_id,
    region,
    'the endpoint is public' as reason
from aws_elasticsearch_domain
where
    vpc_options is null
    and endpoint is not null
