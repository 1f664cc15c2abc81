/*---
id          = "aws-glue-catalog-encrypted"
title       = "The Glue catalog is encrypted"
severity    = "medium"
category    = "security"
asset_type  = "aws_glue_data_catalog_encryption_settings"
description = "The catalog tells what data there are and where."
remediation = "Turn encryption on."
how         = { cli = "aws glue put-data-catalog-encryption-settings --data-catalog-encryption-settings EncryptionAtRest={CatalogEncryptionMode=SSE-KMS}", terraform = "aws_glue_data_catalog_encryption_settings", console = "Glue > Data Catalog > Catalog settings" }
---*/
select
    asset_id,
    account_id,
    region,
    'metadata are not encrypted' as reason
from aws_glue_data_catalog_encryption_settings
where encryption_mode = 'DISABLED'
