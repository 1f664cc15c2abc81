/*---
id          = "aws-ecr-repository-scans-images"
title       = "ECR scans images as they come"
severity    = "medium"
category    = "security"
asset_type  = "aws_ecr_repository"
description = "Known holes are found before the image runs."
remediation = "Scan on push, or let the registry scan all repositories."
how         = { cli = "aws ecr put-image-scanning-configuration --repository-name NAME --image-scanning-configuration scanOnPush=true", terraform = "aws_ecr_repository: image_scanning_configuration { scan_on_push = true }", console = "ECR > Repositories > Edit > Image scan settings" }
---*/
select
    asset_id,
    account_id,
    region,
    'images are not scanned' as reason
from aws_ecr_repository
where not image_scanning_configuration['scan_on_push']
