//! PacBot's asset groups: their JSON definitions as groups of ours.
//!
//! PacBot repeated its criteria for each asset type, compared for equality only, and listed alternatives by repeating an
//! attribute or with commas. The attributes keep their meaning under our columns' names; one that has no column is an
//! error, since leaving it out would widen the group.

use std::collections::BTreeMap;

use anyhow::{Context, bail};
use pacbot_lake::{Group, Origin, Owner, Predicate};
use pacbot_schemas::{AssetTypeDef, AssetTypes};
use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
#[serde(untagged)]
enum Document {
    Many(Vec<Definition>),
    One(Box<Definition>),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Definition {
    group_name: String,
    #[serde(default)]
    display_name: Option<String>,
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default)]
    description: String,
    #[serde(default = "yes")]
    visible: bool,
    target_types: Vec<TargetType>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TargetType {
    target_name: String,
    #[serde(default)]
    include_all: bool,
    #[serde(default)]
    attributes: Vec<Attribute>,
}

#[derive(Deserialize)]
struct Attribute {
    name: String,
    value: String,
}

fn yes() -> bool {
    true
}

/// The groups of a document.
pub(crate) fn groups(text: &str, types: &AssetTypes) -> anyhow::Result<Vec<Group>> {
    let document: Document =
        serde_json::from_str(text).context("is no definition of PacBot's asset groups: groupName, targetTypes, …")?;
    let definitions = match document {
        Document::Many(definitions) => definitions,
        Document::One(definition) => vec![*definition],
    };
    definitions.into_iter().map(|definition| group(definition, types)).collect()
}

fn group(definition: Definition, types: &AssetTypes) -> anyhow::Result<Group> {
    let name = definition.group_name;
    let members: anyhow::Result<Vec<Predicate>> =
        definition.target_types.iter().map(|target| member(target, types)).collect();
    Ok(Group {
        group_id: name.to_lowercase().replace(' ', "-"),
        title: definition.display_name.unwrap_or_else(|| name.clone()),
        description: definition.description,
        kind: definition.kind.to_lowercase(),
        visible: definition.visible,
        owner: Owner::default(),
        tags: std::collections::BTreeMap::new(),
        members: members.with_context(|| format!("group `{name}`"))?,
        origin: Origin::Saved,
    })
}

fn member(target: &TargetType, types: &AssetTypes) -> anyhow::Result<Predicate> {
    let def = super::schema::find(types, &target.target_name)?;
    let on = def.asset_type.to_string();
    // The same attribute again, and commas, are alternatives.
    let mut alternatives: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for attribute in &target.attributes {
        let column = column(&def, &attribute.name)?;
        let values = attribute.value.split(',').map(|value| format!("'{}'", value.trim().replace('\'', "''")));
        alternatives.entry(column).or_default().extend(values);
    }
    let conditions: Vec<String> = alternatives
        .iter()
        .map(|(column, values)| match values.as_slice() {
            [value] => format!("{column} = {value}"),
            values => format!("{column} in ({})", values.join(", ")),
        })
        .collect();
    if conditions.is_empty() && !target.include_all {
        bail!("`{}` has neither attributes nor includeAll", target.target_name);
    }
    let text = if target.include_all { "true".to_owned() } else { conditions.join(" and ") };
    Ok(Predicate { on, text })
}

/// Our column for an attribute: PacBot wrote names without `_`.
fn column(def: &AssetTypeDef, attribute: &str) -> anyhow::Result<String> {
    if let Some(key) = attribute.strip_prefix("tags.") {
        return Ok(format!("tags['{}']", key.replace('\'', "''")));
    }
    let plain = |name: &str| name.replace('_', "").to_lowercase();
    let schema = def.schema();
    let field = schema.fields().iter().find(|field| plain(field.name()) == plain(attribute));
    let Some(field) = field else { bail!("`{}` has no column for the attribute `{attribute}`", def.asset_type) };
    // PacBot's values are text.
    let is_text = *field.data_type() == arrow::datatypes::DataType::Utf8;
    Ok(if is_text { field.name().clone() } else { format!("cast({} as varchar)", field.name()) })
}

/// A group as a file of `[groups] folder`.
pub(crate) fn as_file(group: &Group) -> anyhow::Result<String> {
    #[derive(Serialize)]
    struct File<'a> {
        id: &'a str,
        title: &'a str,
        description: &'a str,
        kind: &'a str,
        visible: bool,
        members: &'a [Predicate],
    }
    let Group { group_id: id, title, description, kind, visible, members, .. } = group;
    Ok(toml::to_string(&File { id, title, description, kind, visible: *visible, members })?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn import(text: &str) -> anyhow::Result<Vec<Group>> {
        groups(text, &AssetTypes::embedded().unwrap())
    }

    #[tokio::test]
    async fn criteria_keep_their_meaning() {
        let groups = import(
            r##"{"groupName": "My Shop", "displayName": "Shop", "dataSourceName": "aws", "type": "Application", "visible": true,
                "targetTypes": [
                    {"targetName": "ec2", "includeAll": false, "attributes": [
                        {"name": "accountid", "value": "111122223333"}, {"name": "accountid", "value": "444455556666"},
                        {"name": "tags.Application", "value": "shop's, cart"}, {"name": "instancetype", "value": "t3.micro"}]},
                    {"targetName": "s3", "includeAll": true, "attributes": []}]}"##,
        )
        .unwrap();
        let types = AssetTypes::embedded().unwrap();
        let [group] = groups.as_slice() else { panic!("one group") };
        assert_eq!((group.group_id.as_str(), group.kind.as_str()), ("my-shop", "application"));
        assert_eq!(group.members[0].on, "aws_ec2_instance");
        assert_eq!(
            group.members[0].text,
            "account_id in ('111122223333', '444455556666') and instance_type = 't3.micro' and tags['Application'] in ('shop''s', 'cart')"
        );
        assert_eq!(group.members[1], Predicate { on: "aws_s3_bucket".to_owned(), text: "true".to_owned() });
        // What is printed is a file that means the same.
        let again = Group::parse("my-shop.toml", &as_file(group).unwrap(), &types).await.unwrap();
        assert_eq!(again.members, group.members);
    }

    #[test]
    fn what_cannot_be_kept_is_refused() {
        let told = |text: &str| format!("{:#}", import(text).unwrap_err());
        let of = |target: &str| format!(r#"[{{"groupName": "g", "targetTypes": [{target}]}}]"#);
        assert!(
            told(&of(r#"{"targetName": "ec2", "attributes": [{"name": "colour", "value": "red"}]}"#))
                .contains("no column for the attribute `colour`")
        );
        assert!(told(&of(r#"{"targetName": "nothing", "includeAll": true}"#)).contains("`nothing`"));
        assert!(told(&of(r#"{"targetName": "s3"}"#)).contains("neither attributes nor includeAll"));
        assert!(told("{}").contains("no definition of PacBot's asset groups"));
    }
}
