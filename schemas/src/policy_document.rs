//! IAM policy documents in one normal form, so that SQL need not know the many ways to write one.
//!
//! The result has exactly the shape of [`crate::ColumnType::Policy`]: what may be one value or a list is
//! always a list, `"Principal": "*"` is `{"AWS": ["*"]}`, actions are lower-cased (IAM ignores their case),
//! `condition` is JSON text. A document that is not understood whole is an error: half a policy would look
//! stricter or laxer than it is.
//!
//! Nothing here judges a policy, and wildcards stay as they are.

use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};

/// Why a policy document has no normal form.
#[derive(Debug, thiserror::Error)]
pub enum PolicyDocumentError {
    /// The text is neither JSON nor URL-encoded JSON.
    #[error("the policy document is not JSON")]
    NotJson {
        /// What the parser says.
        source: serde_json::Error,
    },
    /// An element has a type that the policy language does not know.
    #[error("the policy document's `{element}` is not {expected}")]
    WrongType {
        /// The element, `document` for the whole.
        element: &'static str,
        /// What it should be.
        expected: &'static str,
    },
}

use PolicyDocumentError::{NotJson, WrongType};

/// Normalises a document that is given as text: JSON, URL-encoded JSON, or JSON in a JSON string.
/// Empty text is [`Value::Null`]: there is no policy.
///
/// # Errors
///
/// [`PolicyDocumentError`] if any part of the document is not understood.
pub fn normalise_policy(text: &str) -> Result<Value, PolicyDocumentError> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(Value::Null);
    }
    let parse = |text: &str| serde_json::from_str(text).map_err(|source| NotJson { source });
    if text.starts_with(['{', '"', '[']) || text == "null" {
        return normalise_policy_value(&parse(text)?);
    }
    // IAM encodes by RFC 3986, in which `+` is a plus.
    let decoded = percent_decode_str(text).decode_utf8_lossy();
    match parse(decoded.trim())? {
        document @ (Value::Object(_) | Value::Null) => normalise_policy_value(&document),
        _ => Err(WrongType { element: "document", expected: "an object" }),
    }
}

/// Normalises a document that is given as a JSON value: an object, or its text.
///
/// # Errors
///
/// [`PolicyDocumentError`] if any part of the document is not understood.
pub fn normalise_policy_value(document: &Value) -> Result<Value, PolicyDocumentError> {
    match document {
        Value::Null => Ok(Value::Null),
        Value::Object(members) => normal_document(members),
        // A text in a text in a text is no document of AWS; unwrapping once also bounds the recursion.
        Value::String(text) if !text.trim_start().starts_with('"') => normalise_policy(text),
        _ => Err(WrongType { element: "document", expected: "an object" }),
    }
}

fn normal_document(document: &Map<String, Value>) -> Result<Value, PolicyDocumentError> {
    let statements = match member(document, "Statement") {
        None => Vec::new(),
        Some(Value::Array(statements)) => statements.iter().map(normal_statement).collect::<Result<_, _>>()?,
        Some(statement) => vec![normal_statement(statement)?],
    };
    Ok(json!({
        "version": scalar(document, "Version")?,
        "id": scalar(document, "Id")?,
        "statement": statements,
    }))
}

fn normal_statement(statement: &Value) -> Result<Value, PolicyDocumentError> {
    let Value::Object(statement) = statement else {
        return Err(WrongType { element: "Statement", expected: "an object or a list of objects" });
    };
    Ok(json!({
        "sid": scalar(statement, "Sid")?,
        "effect": scalar(statement, "Effect")?,
        "principal": principals(statement, "Principal")?,
        "not_principal": principals(statement, "NotPrincipal")?,
        "action": texts_of(statement, "Action")?.map(lower_case),
        "not_action": texts_of(statement, "NotAction")?.map(lower_case),
        "resource": texts_of(statement, "Resource")?,
        "not_resource": texts_of(statement, "NotResource")?,
        "condition": condition(statement)?,
    }))
}

/// IAM accepts the names of elements in any case. A null element is an absent one.
fn member<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    let found = object.get(name).or_else(|| {
        object.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    });
    found.filter(|value| !value.is_null())
}

fn scalar(object: &Map<String, Value>, element: &'static str) -> Result<Option<String>, PolicyDocumentError> {
    member(object, element).map(|value| text(value, element, "a text")).transpose()
}

/// Account ids are sometimes written as numbers, flags without quotes.
fn text(value: &Value, element: &'static str, expected: &'static str) -> Result<String, PolicyDocumentError> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(flag) => Ok(flag.to_string()),
        _ => Err(WrongType { element, expected }),
    }
}

fn texts(value: &Value, element: &'static str) -> Result<Vec<String>, PolicyDocumentError> {
    let expected = "a text or a list of texts";
    match value {
        Value::Array(values) => values.iter().map(|value| text(value, element, expected)).collect(),
        value => Ok(vec![text(value, element, expected)?]),
    }
}

fn texts_of(object: &Map<String, Value>, element: &'static str) -> Result<Option<Vec<String>>, PolicyDocumentError> {
    member(object, element).map(|value| texts(value, element)).transpose()
}

fn lower_case(mut actions: Vec<String>) -> Vec<String> {
    actions.iter_mut().for_each(|action| action.make_ascii_lowercase());
    actions
}

fn principals(object: &Map<String, Value>, element: &'static str) -> Result<Option<Value>, PolicyDocumentError> {
    match member(object, element) {
        None => Ok(None),
        Some(Value::Object(kinds)) => {
            let kinds = kinds.iter().filter(|(_, ids)| !ids.is_null());
            let normal = kinds.map(|(kind, ids)| Ok((kind.clone(), texts(ids, element)?.into())));
            normal.collect::<Result<Map<_, _>, _>>().map(|normal| Some(normal.into()))
        }
        Some(anyone) => Ok(Some(json!({ "AWS": texts(anyone, element)? }))),
    }
}

fn condition(statement: &Map<String, Value>) -> Result<Option<String>, PolicyDocumentError> {
    match member(statement, "Condition") {
        None => Ok(None),
        Some(Value::Object(operators)) if operators.is_empty() => Ok(None),
        Some(condition @ Value::Object(_)) => Ok(Some(condition.to_string())),
        Some(_) => Err(WrongType { element: "Condition", expected: "an object" }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statement(text: &str) -> Value {
        normalise_policy(&format!(r#"{{"Statement": {text}}}"#)).unwrap()["statement"][0].clone()
    }

    #[test]
    fn one_value_and_a_list_are_the_same() {
        let one = statement(r#"{"Sid": "a", "Effect": "Allow", "Action": "S3:GetObject", "Resource": "*"}"#);
        let list = statement(r#"[{"Sid": "a", "Effect": "Allow", "Action": ["S3:GetObject"], "Resource": ["*"]}]"#);
        assert_eq!(one, list);
        assert_eq!(one["action"], json!(["s3:getobject"]));
        assert_eq!(one["not_action"], Value::Null);
        assert_eq!(one["condition"], Value::Null);
    }

    #[test]
    fn principals_are_lists_by_kind() {
        let anyone = statement(r#"{"Principal": "*"}"#);
        assert_eq!(anyone["principal"], json!({"AWS": ["*"]}));
        let mixed = statement(r#"{"NotPrincipal": {"AWS": ["1", 210987654321], "Service": "ec2.amazonaws.com"}}"#);
        assert_eq!(mixed["not_principal"], json!({"AWS": ["1", "210987654321"], "Service": ["ec2.amazonaws.com"]}));
        assert_eq!(mixed["principal"], Value::Null);
    }

    #[test]
    fn conditions_are_text_and_element_names_have_any_case() {
        let normal = statement(r#"{"effect": "Deny", "CONDITION": {"Bool": {"aws:SecureTransport": "false"}}}"#);
        assert_eq!(normal["effect"], "Deny");
        assert_eq!(normal["condition"], r#"{"Bool":{"aws:SecureTransport":"false"}}"#);
        assert_eq!(statement(r#"{"Condition": {}}"#)["condition"], Value::Null);
    }

    #[test]
    fn text_may_be_url_encoded_or_quoted() {
        let plain = r#"{"Version": "2012-10-17", "Id": "x", "Statement": {"Effect": "Allow", "Action": "a:b+c"}}"#;
        let expected = normalise_policy(plain).unwrap();
        let encoded = percent_encoding::utf8_percent_encode(plain, percent_encoding::NON_ALPHANUMERIC).to_string();
        assert_eq!(normalise_policy(&encoded).unwrap(), expected);
        assert_eq!(normalise_policy(&Value::from(plain).to_string()).unwrap(), expected);
        assert_eq!(normalise_policy_value(&Value::from(encoded)).unwrap(), expected);
        assert_eq!(expected["version"], "2012-10-17");
    }

    #[test]
    fn no_policy_is_null_and_a_broken_one_is_an_error() {
        assert_eq!(normalise_policy(" ").unwrap(), Value::Null);
        assert_eq!(normalise_policy("null").unwrap(), Value::Null);
        assert_eq!(normalise_policy("{}").unwrap()["statement"], json!([]));
        for broken in [
            "{",
            "%7B",
            "allow all",
            "17",
            "[]",
            r#"{"Statement": "x"}"#,
            r#"{"Statement": [7]}"#,
            r#"{"Statement": {"Action": {"a": 1}}}"#,
            r#"{"Statement": {"Effect": ["Allow"]}}"#,
            r#"{"Statement": {"Condition": "x"}}"#,
            r#"{"Statement": {"Principal": {"AWS": {}}}}"#,
        ] {
            assert!(normalise_policy(broken).is_err(), "{broken}");
        }
        let error = normalise_policy(r#"{"Statement": "x"}"#).unwrap_err();
        assert_eq!(error.to_string(), "the policy document's `Statement` is not an object or a list of objects");
    }
}
