//! `pacbot iam-policy`: the least that a role needs, for exactly the policies and asset types of the configuration.

use std::collections::BTreeSet;
use std::io::Write;
use std::process::ExitCode;

use anyhow::bail;
use clap::{Args, ValueEnum};
use pacbot_schemas::{AssetTypes, FixId, FixMode, PolicyId, ScopeKind};
use serde_json::{Value, json};

use super::asset_types;
use crate::config::Config;

/// Characters of a managed policy, without blanks; AWS counts so.
const LONGEST_POLICY: usize = 6144;

/// Print the permissions that collecting needs, and no others
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  pacbot iam-policy aws > policy.json\n  pacbot iam-policy aws --fixes > fixes.json\n  pacbot iam-policy aws --format cloudformation > role.json\n  aws cloudformation create-stack-set --stack-set-name pacbot --template-body file://role.json --capabilities CAPABILITY_NAMED_IAM --parameters ParameterKey=Trusted,ParameterValue=arn:aws:iam::111122223333:root"
)]
pub(crate) struct IamPolicy {
    /// The cloud
    cloud: Cloud,

    /// A policy document, or the template of a role for a StackSet
    #[arg(long, value_enum, default_value_t = Form::Json)]
    format: Form,

    /// What the fixes need that `[fix]` turns on, instead of what collecting needs: the role of `[fix] role`
    #[arg(long)]
    fixes: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Cloud {
    Aws,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// A policy document
    Json,
    /// A CloudFormation template with the role
    Cloudformation,
}

pub(crate) async fn run(command: &IamPolicy, config: &Config, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let Cloud::Aws = command.cloud;
    let types = asset_types()?;
    let purpose = if command.fixes { FIXES } else { READS };
    let permissions = if command.fixes { of_fixes(config, &types).await? } else { permissions(config, &types).await? };
    let printed = match command.format {
        Form::Json => document(purpose, &permissions.iter().map(String::as_str).collect::<Vec<_>>()),
        Form::Cloudformation => template(purpose, &permissions),
    };
    writeln!(out, "{}", serde_json::to_string_pretty(&printed)?)?;
    Ok(ExitCode::SUCCESS)
}

/// What a role is for: the statement's id, the role's name and its description.
type Purpose = (&'static str, &'static str, &'static str);
const READS: Purpose = ("PacBotReads", "pacbot", "Read by PacBot");
const FIXES: Purpose = ("PacBotFixes", "pacbot-fix", "Fixed by PacBot");

/// What the fixes need whose policies are on; none if nothing is.
async fn of_fixes(config: &Config, types: &AssetTypes) -> anyhow::Result<BTreeSet<String>> {
    let (catalog, fixes) = (config.catalog(types).await?, config.fixes(types)?);
    let is_on = |id: &PolicyId| config.fix.rules(id).mode != FixMode::Off;
    let named =
        catalog.iter().filter(|checked| is_on(&checked.policy.id)).filter_map(|checked| checked.policy.fix.as_ref());
    let on: BTreeSet<&str> = named.map(FixId::as_str).collect();
    if on.is_empty() {
        bail!("no fix is on; `[fix]` or `[fix.policies.ID]` says `mode`");
    }
    Ok(on.into_iter().filter_map(|id| fixes.get(id)).flat_map(|fix| fix.about().permissions.clone()).collect())
}

/// What the role in each account needs.
async fn permissions(config: &Config, types: &AssetTypes) -> anyhow::Result<BTreeSet<String>> {
    let catalog = config.catalog(types).await?;
    let wanted = config.wanted(types, &catalog);
    let defs = config.collected(types, &catalog)?;
    let mut permissions = BTreeSet::new();
    for def in &defs {
        let made = def.requests.values().filter(|request| wanted.includes(def, request));
        permissions.extend(made.map(|request| request.permission.clone()));
    }
    if config.aws.regions.is_none() && defs.iter().any(|def| def.scope == ScopeKind::Region) {
        permissions.insert("ec2:DescribeRegions".to_owned());
    }
    Ok(permissions)
}

fn document(purpose: Purpose, permissions: &[&str]) -> Value {
    json!({
        "Version": "2012-10-17",
        "Statement": [{ "Sid": purpose.0, "Effect": "Allow", "Action": permissions, "Resource": "*" }],
    })
}

/// The permissions in as many documents as AWS wants.
fn documents(purpose: Purpose, permissions: &BTreeSet<String>) -> Vec<Value> {
    let mut parts: Vec<Vec<&str>> = vec![Vec::new()];
    for permission in permissions {
        let Some(part) = parts.last_mut() else { break };
        part.push(permission);
        if document(purpose, part).to_string().len() > LONGEST_POLICY {
            part.pop();
            parts.push(vec![permission]);
        }
    }
    parts.iter().map(|part| document(purpose, part)).collect()
}

fn template(purpose: Purpose, permissions: &BTreeSet<String>) -> Value {
    let mut resources = serde_json::Map::new();
    let mut references = Vec::new();
    for (number, document) in documents(purpose, permissions).into_iter().enumerate() {
        let name = format!("Reads{}", number + 1);
        references.push(json!({ "Ref": name }));
        let properties = json!({ "Description": purpose.2, "PolicyDocument": document });
        resources.insert(name, json!({ "Type": "AWS::IAM::ManagedPolicy", "Properties": properties }));
    }
    let trust = |condition: Value| {
        let mut statement =
            json!({ "Effect": "Allow", "Principal": { "AWS": { "Ref": "Trusted" } }, "Action": "sts:AssumeRole" });
        if !condition.is_null() {
            statement["Condition"] = condition;
        }
        json!({ "Version": "2012-10-17", "Statement": [statement] })
    };
    let with_id = trust(json!({ "StringEquals": { "sts:ExternalId": { "Ref": "ExternalId" } } }));
    let role = json!({
        "Type": "AWS::IAM::Role",
        "Properties": {
            "RoleName": { "Ref": "RoleName" },
            "Description": purpose.2,
            "AssumeRolePolicyDocument": { "Fn::If": ["HasExternalId", with_id, trust(Value::Null)] },
            "ManagedPolicyArns": references,
        },
    });
    resources.insert("Role".to_owned(), role);
    json!({
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "The role that PacBot reads an account with",
        "Parameters": {
            "Trusted": { "Type": "String", "Description": "The ARN of who may assume the role" },
            "RoleName": { "Type": "String", "Default": purpose.1 },
            "ExternalId": { "Type": "String", "Default": "", "NoEcho": true },
        },
        "Conditions": { "HasExternalId": { "Fn::Not": [{ "Fn::Equals": [{ "Ref": "ExternalId" }, ""] }] } },
        "Resources": resources,
        "Outputs": { "RoleArn": { "Value": { "Fn::GetAtt": ["Role", "Arn"] } } },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_what_the_enabled_policies_read_is_asked_for() {
        let text = "[policies]\nenabled = [\"aws-s3-bucket-versioning-enabled\", \"aws-s3-bucket-not-public\"]\n";
        let permissions = permissions(&toml::from_str(text).unwrap(), &AssetTypes::embedded().unwrap()).await.unwrap();
        assert!(permissions.contains("s3:GetBucketVersioning") && permissions.contains("s3:ListAllMyBuckets"));
        assert!(permissions.iter().all(|permission| permission.starts_with("s3:")), "{permissions:?}");
    }

    #[tokio::test]
    async fn only_fixes_that_are_on_need_anything() {
        let types = AssetTypes::embedded().unwrap();
        assert!(of_fixes(&Config::default(), &types).await.is_err());
        let text = "[fix.policies.aws-kms-key-rotation-enabled]\nmode = \"dry-run\"\n";
        let needed = of_fixes(&toml::from_str(text).unwrap(), &types).await.unwrap();
        let expected = ["kms:DisableKeyRotation", "kms:EnableKeyRotation", "kms:GetKeyRotationStatus"];
        assert_eq!(needed.iter().map(String::as_str).collect::<Vec<_>>(), expected);
    }

    #[tokio::test]
    async fn all_permissions_fit_into_managed_policies_of_a_role() {
        let all = permissions(&Config::default(), &AssetTypes::embedded().unwrap()).await.unwrap();
        let parts = documents(READS, &all);
        assert!(parts.len() <= 10, "AWS attaches at most ten to a role");
        assert!(parts.iter().all(|part| part.to_string().len() <= LONGEST_POLICY));
        let named: usize = parts.iter().map(|part| part["Statement"][0]["Action"].as_array().unwrap().len()).sum();
        assert_eq!(named, all.len());
        // A credential report is of AWS's making and read only: SecurityAudit, its role for auditors, makes it too.
        let reads = ["Describe", "Get", "List", "BatchGet", "GET", "Search", "GenerateCredentialReport"];
        let changes = all.iter().find(|permission| {
            !reads.iter().any(|verb| permission.split(':').nth(1).is_some_and(|name| name.starts_with(verb)))
        });
        assert_eq!(changes, None, "a permission that does more than read");
    }
}
