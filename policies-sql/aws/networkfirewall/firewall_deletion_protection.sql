/*---
id          = "aws-networkfirewall-firewall-deletion-protection"
title       = "Network firewalls are protected against deletion"
severity    = "medium"
category    = "governance"
asset_type  = "aws_network_firewall_firewall"
description = "Without it one wrong command opens the network."
remediation = "Turn delete protection on."
how         = { cli = "aws network-firewall update-firewall-delete-protection --firewall-arn ARN --delete-protection", terraform = "aws_networkfirewall_firewall: delete_protection = true", console = "VPC > Network Firewall > Firewalls > Details > Edit change protection" }
---*/
select
    asset_id,
    account_id,
    region,
    'the firewall can be deleted' as reason
from aws_network_firewall_firewall
where not delete_protection
