/*---
id          = "aws-transfer-server-no-ftp"
title       = "Transfer servers speak no FTP"
severity    = "high"
category    = "security"
asset_type  = "aws_transfer_server"
description = "FTP sends passwords and files as they are."
remediation = "Leave FTP out."
how         = { cli = "aws transfer update-server --server-id ID --protocols SFTP", terraform = "aws_transfer_server: protocols = [\"SFTP\"]", console = "Transfer Family > Servers > Protocols > Edit" }
---*/
select
    asset_id,
    account_id,
    region,
    'FTP is spoken' as reason
from aws_transfer_server
where array_has(protocols, 'FTP')
