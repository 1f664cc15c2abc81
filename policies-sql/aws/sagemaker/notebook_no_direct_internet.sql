/*---
id          = "aws-sagemaker-notebook-no-direct-internet"
title       = "Notebooks reach the internet through the VPC only"
severity    = "high"
category    = "security"
asset_type  = "aws_sagemaker_notebook_instance"
description = "Data leave past every control of the network otherwise."
remediation = "Make it again in a VPC without direct access."
how         = { cli = "aws sagemaker create-notebook-instance --notebook-instance-name NEW --direct-internet-access Disabled --subnet-id SUBNET --instance-type TYPE --role-arn ROLE", terraform = "aws_sagemaker_notebook_instance: direct_internet_access = \"Disabled\"", console = "SageMaker > Notebook instances > Create > Network" }
---*/
select
    asset_id,
    account_id,
    region,
    'the notebook has internet access of its own' as reason
from aws_sagemaker_notebook_instance
where direct_internet_access = 'Enabled'
