//! IAM policy documents in one normal form, in which SQL can ask simple questions.
//!
//! Statement, actions, resources and principals are always lists; the principal `*` is `{"AWS": ["*"]}`;
//! actions are lower-case, as IAM compares them; a condition is kept as JSON text.
//! What a statement allows in the end is not judged here.

use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

/// Why a text is no policy document.
#[derive(Debug, thiserror::Error)]
pub enum PolicyDocumentError {
    /// It is no JSON, percent-encoded or plain.
    #[error("the policy document is no JSON")]
    Json(#[source] serde_json::Error),
    /// It is JSON, but no object.
    #[error("the policy document is no object")]
    Shape,
}

/// The normal form of a document given as an object, as JSON text, or as percent-encoded JSON text; in the shape
/// of `ColumnType::Policy`.
///
/// # Errors
///
/// [`PolicyDocumentError`] when it is no JSON object.
pub fn normalise_policy_value(document: &Value) -> Result<Value, PolicyDocumentError> {
    if let Value::String(text) = document {
        return normalise_policy(text);
    }
    let object = document.as_object().ok_or(PolicyDocumentError::Shape)?;
    let statements: Vec<Value> = match member(object, "Statement") {
        Some(Value::Array(statements)) => statements.iter().filter_map(statement).collect(),
        Some(one) => statement(one).into_iter().collect(),
        None => Vec::new(),
    };
    Ok(serde_json::json!({
        "version": member(object, "Version").and_then(text),
        "id": member(object, "Id").and_then(text),
        "statement": statements,
    }))
}

/// [`normalise_policy_value`] of JSON text, percent-encoded or plain.
///
/// # Errors
///
/// [`PolicyDocumentError`] when it is no JSON object.
pub fn normalise_policy(text: &str) -> Result<Value, PolicyDocumentError> {
    let decoded = percent_decode_str(text).decode_utf8_lossy();
    let plain = if text.trim_start().starts_with('{') { text } else { &decoded };
    match serde_json::from_str(plain).map_err(PolicyDocumentError::Json)? {
        Value::Object(object) => normalise_policy_value(&Value::Object(object)),
        _ => Err(PolicyDocumentError::Shape),
    }
}

/// IAM takes element names in any case.
fn member<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    object.get(name).or_else(|| object.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value))
}

fn statement(value: &Value) -> Option<Value> {
    let object = value.as_object()?;
    let lower = |values: Option<Value>| match values {
        Some(Value::Array(actions)) => Some(Value::Array(
            actions.iter().filter_map(Value::as_str).map(|action| action.to_lowercase().into()).collect(),
        )),
        other => other,
    };
    let list = |name: &str| member(object, name).map(texts);
    Some(serde_json::json!({
        "sid": member(object, "Sid").and_then(text),
        "effect": member(object, "Effect").and_then(text),
        "principal": member(object, "Principal").map(principals),
        "not_principal": member(object, "NotPrincipal").map(principals),
        "action": lower(list("Action")),
        "not_action": lower(list("NotAction")),
        "resource": list("Resource"),
        "not_resource": list("NotResource"),
        "condition": member(object, "Condition").filter(|condition| condition.as_object().is_none_or(|map| !map.is_empty())).map(Value::to_string),
    }))
}

fn principals(value: &Value) -> Value {
    match value {
        Value::Object(kinds) => Value::Object(kinds.iter().map(|(kind, ids)| (kind.clone(), texts(ids))).collect()),
        other => serde_json::json!({ "AWS": texts(other) }),
    }
}

fn texts(value: &Value) -> Value {
    match value {
        Value::Array(values) => Value::Array(values.iter().filter_map(text).map(Value::String).collect()),
        other => Value::Array(text(other).map(Value::String).into_iter().collect()),
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn single_values_become_lists_and_star_is_everyone() {
        let document = json!(
            r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":"*","Action":"S3:GetObject","Resource":["a"]}}"#
        );
        let statement = &normalise_policy_value(&document).unwrap()["statement"][0];
        assert_eq!(statement["principal"], json!({"AWS": ["*"]}));
        assert_eq!((&statement["action"], &statement["resource"]), (&json!(["s3:getobject"]), &json!(["a"])));
        assert!(statement["condition"].is_null() && statement["not_action"].is_null());
    }

    #[test]
    fn encoded_text_conditions_and_not_principal_survive() {
        let encoded = json!(
            "%7B%22Statement%22%3A%5B%7B%22Effect%22%3A%22Deny%22%2C%22NotPrincipal%22%3A%7B%22AWS%22%3A%22x%22%7D%2C%22Condition%22%3A%7B%22Bool%22%3A%7B%22a%22%3A%22b%22%7D%7D%7D%5D%7D"
        );
        let statement = &normalise_policy_value(&encoded).unwrap()["statement"][0];
        assert_eq!(statement["not_principal"], json!({"AWS": ["x"]}));
        assert_eq!(statement["condition"], json!(r#"{"Bool":{"a":"b"}}"#));
        assert!(normalise_policy_value(&json!("not json")).is_err() && normalise_policy_value(&json!([])).is_err());
    }
}
