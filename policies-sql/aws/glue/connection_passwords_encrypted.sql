/*---
id          = "aws-glue-connection-passwords-encrypted"
title       = "Passwords of Glue connections are encrypted"
severity    = "medium"
category    = "security"
asset_type  = "aws_glue_data_catalog_encryption_settings"
description = "Whoever may read a connection reads the database's password."
remediation = "Turn encryption of connection passwords on."
how         = { cli = "aws glue put-data-catalog-encryption-settings --data-catalog-encryption-settings ConnectionPasswordEncryption={ReturnConnectionPasswordEncrypted=true,AwsKmsKeyId=KEY}", terraform = "aws_glue_data_catalog_encryption_settings: connection_password_encryption", console = "Glue > Data Catalog > Catalog settings" }
---*/
select
    asset_id,
    account_id,
    region,
    'passwords are not encrypted' as reason
from aws_glue_data_catalog_encryption_settings
where not connection_password_encrypted
