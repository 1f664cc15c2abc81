//! Asset groups: a name, an owner and predicates over the assets. A group is a file, a row that a person saved, an
//! account, or an organizational unit.
//!
//! Membership is what the predicates hold for now; nothing is kept by hand. Nothing here decides what a group is used for.

use std::collections::BTreeMap;

use pacbot_schemas::{AssetTypes, SourceError};
use serde::{Deserialize, Serialize};
use toml::Spanned;

use crate::predicate::Predicate;

/// What every group of an account begins with.
const ACCOUNT: &str = "account:";

/// A named set of assets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Group {
    /// Stable; lower-case letters, digits, `-`, `_`; `account:ID` and `unit:ID` for those that exist by themselves.
    pub group_id: String,
    /// What people call it.
    pub title: String,
    /// What it is for.
    pub description: String,
    /// Its class, for example `application`.
    pub kind: String,
    /// Whether it is listed and counted every day.
    pub visible: bool,
    /// Who owns it.
    pub owner: Owner,
    /// Tags that its assets should have; fixes add those that are missing.
    pub tags: BTreeMap<String, String>,
    /// Whose assets: any of these.
    pub members: Vec<Predicate>,
    /// Where it comes from.
    pub origin: Origin,
}

/// Who owns a group.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Owner {
    /// Mail addresses.
    pub mail: Vec<String>,
    /// A Slack channel.
    pub slack: Option<String>,
}

/// Where a group comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// A file of the groups' folder.
    File,
    /// A row of `asset_groups`.
    Saved,
    /// An account of the configuration or the organization.
    Account,
    /// An organizational unit.
    Unit,
}

impl Origin {
    /// As text.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Saved => "saved",
            Self::Account => "account",
            Self::Unit => "unit",
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileSpec {
    id: Spanned<String>,
    title: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    kind: String,
    #[serde(default = "yes")]
    visible: bool,
    #[serde(default)]
    owner: Owner,
    #[serde(default)]
    tags: BTreeMap<String, String>,
    /// Short for one member over `assets`.
    r#where: Option<Spanned<String>>,
    #[serde(default)]
    members: Vec<Spanned<Predicate>>,
}

fn yes() -> bool {
    true
}

impl Group {
    /// Parses and checks a group's file.
    ///
    /// # Errors
    ///
    /// The first mistake, with its place.
    pub async fn parse(file: &str, text: &str, types: &AssetTypes) -> Result<Self, SourceError> {
        let spec: FileSpec = toml::from_str(text).map_err(|error| SourceError::from_toml(file, text, 0, &error))?;
        let id = spec.id.get_ref();
        if !is_id(id) {
            return Err(SourceError::at(file, text, spec.id.span(), format!("`{id}` is no group id"))
                .with_help("use lower-case letters, digits, `-` and `_`"));
        }
        let short = spec.r#where.map(|text| (text.span(), Predicate::of_assets(text.into_inner())));
        let long = spec.members.into_iter().map(|member| (member.span(), member.into_inner()));
        let members: Vec<_> = short.into_iter().chain(long).collect();
        if members.is_empty() {
            return Err(SourceError::at(file, text, 0..0, format!("`{id}` has no members"))
                .with_help("write `where = \"…\"`, or `[[members]]` with `on` and `where`"));
        }
        for (span, member) in &members {
            member.check(types).await.map_err(|error| SourceError::at(file, text, span.clone(), error.to_string()))?;
        }
        Ok(Self {
            group_id: id.clone(),
            title: spec.title,
            description: spec.description,
            kind: spec.kind,
            visible: spec.visible,
            owner: spec.owner,
            tags: spec.tags,
            members: members.into_iter().map(|(_, member)| member).collect(),
            origin: Origin::File,
        })
    }

    /// The group of all assets of an account, which nobody has to make.
    #[must_use]
    pub fn of_account(account_id: &str, account_name: &str) -> Self {
        Self {
            group_id: format!("{ACCOUNT}{account_id}"),
            title: account_name.to_owned(),
            description: format!("All assets of account {account_id}."),
            kind: "account".to_owned(),
            visible: true,
            owner: Owner::default(),
            tags: BTreeMap::new(),
            members: vec![Predicate::of_assets(format!("account_id = '{}'", account_id.replace('\'', "''")))],
            origin: Origin::Account,
        }
    }

    /// The group of all assets of an organizational unit's accounts, which nobody has to make. `path` are the names of the
    /// units that it is in, and its own.
    #[must_use]
    pub(crate) fn of_unit(id: &str, path: &str, accounts: &[&str]) -> Self {
        let quoted: Vec<String> = accounts.iter().map(|account| format!("'{}'", account.replace('\'', "''"))).collect();
        let members =
            (!quoted.is_empty()).then(|| Predicate::of_assets(format!("account_id in ({})", quoted.join(", "))));
        Self {
            group_id: format!("unit:{id}"),
            title: path.to_owned(),
            description: format!("All assets of the accounts in the organizational unit {id} and below it."),
            kind: "organizational_unit".to_owned(),
            visible: true,
            owner: Owner::default(),
            tags: BTreeMap::new(),
            members: members.into_iter().collect(),
            origin: Origin::Unit,
        }
    }

    /// Whether it is the group of an account, whose members need not be written down.
    #[must_use]
    pub fn is_of_account(&self) -> bool {
        self.origin == Origin::Account
    }
}

/// Whether a person may give a group this id.
pub(crate) fn is_id(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    !text.is_empty() && text.len() <= 128 && text.chars().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_says_who_owns_what_and_mistakes_have_a_place() {
        let types = AssetTypes::embedded().unwrap();
        let text = "id = \"shop\"\ntitle = \"Shop\"\nwhere = \"tags['Application'] = 'shop'\"\nowner = { mail = [\"a@b.example\"] }\n\n[[members]]\non = \"aws_s3_bucket\"\nwhere = \"name like 'shop-%'\"\n";
        let group = Group::parse("shop.toml", text, &types).await.unwrap();
        assert_eq!(group.members.len(), 2);
        let told = async |text: String| {
            let error = Group::parse("shop.toml", &text, &types).await.unwrap_err();
            format!("{}:{} {}", error.line, error.column, error.message)
        };
        assert_eq!(told(text.replace("\"shop\"", "\"Shop!\"")).await, "1:6 `Shop!` is no group id");
        assert_eq!(told(text.replace("owner", "owners")).await.split(',').next(), Some("4:1 unknown field `owners`"));
        assert!(
            told(text.replace("name like", "nmae like"))
                .await
                .starts_with("6:1 `nmae like 'shop-%'` cannot be asked of `aws_s3_bucket`")
        );
        assert_eq!(told("id = \"x\"\ntitle = \"t\"\n".to_owned()).await, "1:1 `x` has no members");
    }
}
