/*---
id          = "aws-account-security-contact"
title       = "Accounts name a contact for security"
severity    = "low"
category    = "governance"
asset_type  = "aws_account"
description = "AWS writes about abuse and leaked keys to this contact; without it to the owner of the mailbox of the root user."
remediation = "Name the team's address, not a person's."
how         = { cli = "aws account put-alternate-contact --alternate-contact-type SECURITY --email-address A --name N --phone-number P --title T", terraform = "aws_account_alternate_contact: alternate_contact_type = \"SECURITY\"", console = "Account > Alternate contacts > Security" }
---*/
select
    aws_account.asset_id,
    aws_account.account_id,
    aws_account.region,
    'there is no contact for security' as reason
from aws_account
left anti join aws_account_alternate_contact as contact
    on aws_account.account_id = contact.account_id
    and contact.contact_type = 'SECURITY'
