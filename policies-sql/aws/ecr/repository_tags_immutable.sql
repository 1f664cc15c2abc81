/*---
id          = "aws-ecr-repository-tags-immutable"
title       = "Tags of ECR images never move"
severity    = "low"
category    = "governance"
asset_type  = "aws_ecr_repository"
description = "What was tested under a tag is what runs under it."
remediation = "Make tags immutable."
how         = { cli = "aws ecr put-image-tag-mutability --repository-name NAME --image-tag-mutability IMMUTABLE", terraform = "aws_ecr_repository: image_tag_mutability = \"IMMUTABLE\"", console = "ECR > Repositories > Edit > Tag immutability" }
---*/
select
    asset_id,
    account_id,
    region,
    'tags can be moved' as reason
from aws_ecr_repository
where image_tag_mutability = 'MUTABLE'
