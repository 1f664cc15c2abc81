/*---
id          = "aws-sagemaker-notebook-no-root"
title       = "Users of notebooks are not root"
severity    = "medium"
category    = "security"
asset_type  = "aws_sagemaker_notebook_instance"
description = "Root can turn off what watches it."
remediation = "Turn root access off."
how         = { cli = "aws sagemaker update-notebook-instance --notebook-instance-name NAME --root-access Disabled", terraform = "aws_sagemaker_notebook_instance: root_access = \"Disabled\"", console = "SageMaker > Notebook instances > Edit > Permissions" }
---*/
select
    asset_id,
    account_id,
    region,
    'users are root' as reason
from aws_sagemaker_notebook_instance
where root_access = 'Enabled'
