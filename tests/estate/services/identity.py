"""IAM: users with and without MFA, their keys, roles, and the account's password policy."""
import json

from .cloud import GLOBAL, pairs

# The account's own: moto knows AWS's managed policies only when it is started with a switch.
POLICIES = {"shop-reading": ["s3:GetObject", "s3:ListBucket"], "shop-deploying": ["s3:PutObject", "s3:DeleteObject"],
            "shop-everything": ["*"]}

USERS = {  # name: (profiles, what it has)
    "break-glass": ("root", "console mfa group"),
    "alice": ("prod", "console mfa group"),
    "svc_deploy": ("dev", "key deployer"),
    "svc_reports": ("prod", "key group"),
    "bob": ("dev", "console key"),
    "carol": ("dev", "console mfa two-keys"),
    "dave": ("dev", "inline old-key"),
    "erin": ("prod", "console attached"),
}


def build(scope):
    iam = scope.client("iam")
    for policy, actions in POLICIES.items():
        iam.create_policy(PolicyName=policy, PolicyDocument=_document(actions))
    for group, policy in (("operators", "shop-reading"), ("deployers", "shop-deploying")):
        iam.create_group(GroupName=group)
        iam.attach_group_policy(GroupName=group, PolicyArn=_arn(scope, policy))
    # The table of policies holds those in use.
    scope.flag(_arn(scope, "shop-everything"), {"aws-iam-policy-no-admin": scope.within("dev")}, GLOBAL)
    for name, (profiles, has) in USERS.items():
        if scope.within(*profiles.split()):
            make_user(scope, name, has.split())
    _roles(scope)
    # Good in root, weak in prod, none in dev.
    strict = scope.within("root")
    if not scope.within("dev"):
        set_password_policy(scope, strict=strict)
    scope.flag(scope.account.id, {"aws-iam-account-password-policy": not strict}, GLOBAL)
    # moto's root users never have MFA.
    scope.flag(scope.account.id, {"aws-iam-root-mfa-enabled": True}, GLOBAL)


def make_user(scope, name, has):
    """Makes a user with the named properties; flags what is wrong with it."""
    iam = scope.client("iam")
    iam.create_user(UserName=name, Tags=pairs(scope.tags(name)))
    if "console" in has:
        iam.create_login_profile(UserName=name, Password="Not-a-secret-1")
    if "mfa" in has:
        give_mfa(scope, name)
    statuses = {"key": ["Active"], "two-keys": ["Active", "Active"], "old-key": ["Inactive"]}
    keys = [status for habit in has for status in statuses.get(habit, [])]
    for status in keys:
        key = iam.create_access_key(UserName=name)["AccessKey"]["AccessKeyId"]
        if status == "Inactive":
            iam.update_access_key(UserName=name, AccessKeyId=key, Status=status)
    for habit, group in (("group", "operators"), ("deployer", "deployers")):
        if habit in has:
            iam.add_user_to_group(GroupName=group, UserName=name)
    if "attached" in has:
        iam.attach_user_policy(UserName=name, PolicyArn=_arn(scope, "shop-reading"))
    if "inline" in has:
        iam.put_user_policy(UserName=name, PolicyName="wide", PolicyDocument=_document(["ec2:*", "iam:*"]))
    scope.flag(name, {
        "aws-iam-user-console-mfa": "console" in has and "mfa" not in has,
        "aws-iam-user-one-active-access-key": "two-keys" in has,
        "aws-iam-user-no-access-keys": bool(keys) and not name.startswith("svc_"),
        "aws-iam-user-no-direct-policies": "attached" in has or "inline" in has,
        "aws-iam-user-no-unapproved-network-change": "inline" in has,
        "aws-iam-service-account-no-dangerous-rights": "deployer" in has,
    }, GLOBAL)


def give_mfa(scope, name):
    iam = scope.client("iam")
    device = iam.create_virtual_mfa_device(VirtualMFADeviceName=name)["VirtualMFADevice"]["SerialNumber"]
    iam.enable_mfa_device(UserName=name, SerialNumber=device, AuthenticationCode1="123456", AuthenticationCode2="654321")


def _roles(scope):
    iam = scope.client("iam")
    functions, flow_logs = {"Service": "lambda.amazonaws.com"}, {"Service": "vpc-flow-logs.amazonaws.com"}
    roles = [("flow-logs", flow_logs, None)]
    if scope.within("prod", "dev"):
        roles.append(("function", functions, "shop-reading"))
    if scope.within("dev"):
        roles += [("function-admin", functions, "shop-everything"), ("anybody", {"AWS": "*"}, "shop-reading"),
                  ("contractor", {"AWS": "arn:aws:iam::999999999999:root"}, None)]
    for name, principal, policy in roles:
        trust = {"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}]}
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust), Tags=pairs(scope.tags(name)))
        if policy:
            iam.attach_role_policy(RoleName=name, PolicyArn=_arn(scope, policy))
        if name == "contractor":
            iam.put_role_policy(RoleName=name, PolicyName="all",
                                PolicyDocument=_document(["iam:*", "ec2:RunInstances"]))
        mighty = policy == "shop-everything"
        scope.flag(name, {
            "aws-iam-role-no-iam-full-access": mighty or name == "contractor",
            "aws-iam-role-no-unapproved-instance-launch": mighty or name == "contractor",
            "aws-iam-role-no-unapproved-lambda-creation": mighty,
            "aws-iam-role-no-unapproved-network-change": mighty,
            "aws-iam-role-trust-not-public": name == "anybody"}, GLOBAL)


def set_password_policy(scope, *, strict):
    scope.client("iam").update_account_password_policy(
        MinimumPasswordLength=14 if strict else 8, RequireSymbols=strict, RequireNumbers=True,
        RequireUppercaseCharacters=True, RequireLowercaseCharacters=True, AllowUsersToChangePassword=True,
        MaxPasswordAge=90, PasswordReusePrevention=24 if strict else 3, HardExpiry=False)


def _arn(scope, policy):
    return f"arn:aws:iam::{scope.account.id}:policy/{policy}"


def _document(actions):
    return json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": actions, "Resource": "*"}]})
