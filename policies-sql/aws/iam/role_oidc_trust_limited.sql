/*---
id          = "aws-iam-role-oidc-trust-limited"
title       = "Roles for shared CI providers name the repository that may assume them"
severity    = "critical"
category    = "security"
asset_type  = "aws_iam_role"
description = "GitHub, GitLab and their like sign tokens for all of their customers. A role that trusts the provider without asking for the subject can be assumed by a job of anybody's repository."
remediation = "Add a condition on the subject to the trust policy, such as `token.actions.githubusercontent.com:sub` = `repo:OWNER/NAME:*`."
how         = { cli = "aws iam update-assume-role-policy --role-name NAME --policy-document file://trust.json", terraform = "aws_iam_role: assume_role_policy", console = "IAM > Roles > Trust relationships > Edit trust policy" }
references  = ["https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create_for-idp_oidc.html"]

[params.shared_providers]
type    = "list<string>"
default = ["token.actions.githubusercontent.com", "gitlab.com", "app.terraform.io", "agent.buildkite.com"]
doc     = "Hosts of OpenID Connect providers that sign tokens for other people's jobs as well."
---*/
with statements as (
    select
        asset_id,
        account_id,
        region,
        unnest(assume_role_policy_std['statement']) as statement
    from aws_iam_role
),

federated as (
    select
        asset_id,
        account_id,
        region,
        statement['condition'] as condition,
        unnest(statement['principal']['Federated']) as provider
    from statements
    where statement['effect'] = 'Allow'
),

-- The provider is an ARN that ends in oidc-provider/HOST, or in /PATH after that.
shared as (
    select
        asset_id,
        account_id,
        region,
        condition,
        regexp_replace(provider, '^.*oidc-provider/', '') as host
    from federated
    where provider ~* ('oidc-provider/(' || replace(array_to_string($shared_providers, '|'), '.', '\.') || ')(/.*)?$')
)

-- The subject has to say something before its first wildcard, and more than its kind: `repo:*` is every repository.
select
    asset_id,
    account_id,
    region,
    'any job of ' || string_agg(distinct host, ', ' order by host) || ' may assume the role' as reason
from shared
where coalesce(
    replace(condition, ' ', '') !~* (
        '"(ForAnyValue:)?String(Equals|EqualsIgnoreCase|Like)":\{[^}]*"[^"]*:sub":'
        || '("[^"*:]+(:[^"*][^"]*)?"|\["[^"*:]+(:[^"*][^"]*)?"(,"[^"*:]+(:[^"*][^"]*)?")*\])'
    ),
    true
)
group by
    asset_id,
    account_id,
    region
