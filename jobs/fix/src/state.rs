//! The fields of a state: where they stand in an answer, and their types.

use pacbot_schemas::{Path, normalise_policy, normalise_policy_value};
use serde::Deserialize;
use serde_json::Value;

use crate::fix::FixError;

/// One field of the state that a fix file declares.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FieldSpec {
    /// The read step whose answer it is taken from.
    pub(crate) from: String,
    /// Where it stands; the whole answer when absent.
    #[serde(default)]
    pub(crate) path: String,
    /// Its type.
    pub(crate) r#type: FieldType,
    /// Its value where the answer has none.
    pub(crate) default: Option<toml::Value>,
    /// Lists inside its items, which XML does not show when they have one item.
    #[serde(default)]
    pub(crate) lists: Vec<String>,
    /// Whether undo brings it back; what cannot come back (an id) is not compared.
    #[serde(default = "yes")]
    pub(crate) restored: bool,
    /// What it says.
    pub(crate) doc: String,
}

fn yes() -> bool {
    true
}

/// The type of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum FieldType {
    /// Text.
    String,
    /// A whole number.
    Int,
    /// True or false.
    Bool,
    /// All values at the path.
    List,
    /// Whatever stands there.
    Json,
    /// The whole answer as it came.
    Text,
    /// The Sids (or numbers) of a policy document's statements that let everyone in.
    PublicStatements,
    /// The accounts beside the asset's own that a policy document's statements let in by name.
    OtherAccounts,
}

impl FieldType {
    /// Whether a stored value is of this type.
    pub(crate) fn fits(self, value: &Value) -> bool {
        value.is_null()
            || match self {
                Self::String | Self::Text => value.is_string(),
                Self::Int => value.is_i64() || value.is_u64(),
                Self::Bool => value.is_boolean(),
                Self::List | Self::PublicStatements | Self::OtherAccounts => value.is_array(),
                Self::Json => true,
            }
    }
}

/// What a read step answered.
#[derive(Debug, Clone)]
pub(crate) struct Reading {
    pub(crate) json: Value,
    pub(crate) text: String,
}

impl FieldSpec {
    /// The lists that an XML answer must be read with.
    pub(crate) fn list_paths(&self) -> Result<Vec<Path>, String> {
        let own = Path::parse(&self.path)?;
        let inner = self.lists.iter().map(|list| {
            let mut path = own.clone();
            path.0.extend(Path::parse(list)?.0);
            Ok(path)
        });
        std::iter::once(Ok(own.clone())).chain(inner).collect()
    }

    /// Its value in an answer; `None` for a step that said that there is nothing.
    pub(crate) fn value(&self, name: &str, reading: Option<&Reading>, account: &str) -> Result<Value, FixError> {
        let default =
            || self.default.as_ref().and_then(|value| serde_json::to_value(value).ok()).unwrap_or(Value::Null);
        let Some(reading) = reading else { return Ok(default()) };
        let path = Path::parse(&self.path).map_err(FixError::unexpected)?;
        let found: Vec<&Value> = values_at(&reading.json, &path);
        let first = found.first().copied().filter(|value| !value.is_null());
        let misfit = |value: &Value| FixError::unexpected(format!("`{name}` is `{value}`"));
        Ok(match (self.r#type, first) {
            (FieldType::Text, _) => reading.text.clone().into(),
            (FieldType::List, _) => found.into_iter().cloned().collect::<Vec<_>>().into(),
            (_, None) => default(),
            (FieldType::String, Some(value)) => match value {
                Value::String(_) => value.clone(),
                Value::Number(number) => number.to_string().into(),
                other => return Err(misfit(other)),
            },
            (FieldType::Int, Some(value)) => match value {
                Value::Number(_) => value.clone(),
                Value::String(text) => text.parse::<i64>().map_err(|_| misfit(value))?.into(),
                other => return Err(misfit(other)),
            },
            (FieldType::Bool, Some(value)) => match value {
                Value::Bool(_) => value.clone(),
                Value::String(text) if text.eq_ignore_ascii_case("true") => true.into(),
                Value::String(text) if text.eq_ignore_ascii_case("false") => false.into(),
                other => return Err(misfit(other)),
            },
            (FieldType::Json, Some(value)) => value.clone(),
            (FieldType::PublicStatements, Some(value)) => public_statements(&policy(value)?).into(),
            (FieldType::OtherAccounts, Some(value)) => other_accounts(&policy(value)?, account).into(),
        })
    }
}

/// All values at a path.
pub(crate) fn values_at<'a>(value: &'a Value, path: &Path) -> Vec<&'a Value> {
    let mut found = vec![value];
    for step in &path.0 {
        let below = found.into_iter().filter_map(|value| value.get(&step.name));
        found = if step.list {
            below
                .flat_map(|value| match value {
                    Value::Array(items) => items.iter().collect(),
                    Value::Null => Vec::new(),
                    one => vec![one],
                })
                .collect()
        } else {
            below.collect()
        };
    }
    found
}

/// A policy document, which may stand in a text, in its normal form.
fn policy(value: &Value) -> Result<Value, FixError> {
    let normal = match value {
        Value::String(text) => normalise_policy(text),
        value => normalise_policy_value(value),
    };
    normal.map_err(|error| FixError::unexpected(error.to_string()))
}

fn statements(policy: &Value) -> impl Iterator<Item = (usize, &Value)> {
    let statements = policy.get("statement").and_then(Value::as_array);
    statements
        .into_iter()
        .flatten()
        .enumerate()
        .filter(|(_, statement)| statement.get("effect").and_then(Value::as_str) == Some("Allow"))
}

fn principals(statement: &Value) -> impl Iterator<Item = &str> {
    let named = statement.get("principal").and_then(|principal| principal.get("AWS")).and_then(Value::as_array);
    named.into_iter().flatten().filter_map(Value::as_str)
}

/// Whether an Allow statement lets everyone in. One with conditions counts as well: leaving an asset alone is safe,
/// which is what follows.
pub(crate) fn is_public(statement: &Value) -> bool {
    let excepts = statement.get("not_principal").is_some_and(|not| not.as_object().is_some_and(|not| !not.is_empty()));
    principals(statement).any(|principal| principal == "*") || excepts
}

fn public_statements(policy: &Value) -> Vec<String> {
    let name = |(number, statement): (usize, &Value)| {
        let sid = statement.get("sid").and_then(Value::as_str).filter(|sid| !sid.is_empty());
        sid.map_or_else(|| format!("number {}", number + 1), str::to_owned)
    };
    statements(policy).filter(|(_, statement)| is_public(statement)).map(name).collect()
}

fn other_accounts(policy: &Value, own: &str) -> Vec<String> {
    let of = |principal: &str| {
        let account = principal.split(':').nth(4).unwrap_or(principal).to_owned();
        (account != own && account != "*" && !account.is_empty()).then_some(account)
    };
    let found: std::collections::BTreeSet<String> =
        statements(policy).flat_map(|(_, statement)| principals(statement).filter_map(of)).collect();
    found.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn field(text: &str) -> FieldSpec {
        toml::from_str(&format!("from = 'a'\ndoc = 'd'\n{text}")).unwrap()
    }

    #[test]
    fn fields_have_types() {
        let reading = Reading { json: json!({"On": "true", "L": [{"A": 1}, {"A": 2}], "N": "7"}), text: "T".into() };
        let value = |text: &str| field(text).value("f", Some(&reading), "1").unwrap();
        assert_eq!(value("type = 'bool'\npath = 'On'"), json!(true));
        assert_eq!(value("type = 'int'\npath = 'N'"), json!(7));
        assert_eq!(value("type = 'list'\npath = 'L[].A'"), json!([1, 2]));
        assert_eq!(value("type = 'text'"), json!("T"));
        assert_eq!(value("type = 'bool'\npath = 'Off'\ndefault = false"), json!(false));
        assert!(field("type = 'int'\npath = 'On'").value("f", Some(&reading), "1").is_err());
        assert_eq!(field("type = 'text'").value("f", None, "1").unwrap(), Value::Null, "absent");
    }

    #[test]
    fn a_policy_says_whom_it_lets_in() {
        let document = json!({"Version": "2012-10-17", "Statement": [
            {"Sid": "All", "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "*"},
            {"Effect": "Allow", "Principal": {"AWS": ["arn:aws:iam::222233334444:root", "111122223333"]}, "Action": "s3:*", "Resource": "*"},
            {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*"}]});
        let reading = Reading { json: document, text: String::new() };
        let value = |kind: &str| field(&format!("type = '{kind}'")).value("f", Some(&reading), "111122223333").unwrap();
        assert_eq!(value("public-statements"), json!(["All"]));
        assert_eq!(value("other-accounts"), json!(["222233334444"]));
    }
}
