//! Rows as they are against rows as they should be.

use std::collections::BTreeSet;

use pacbot_schemas::AssetTypeDef;
use serde_json::Value;

/// The key of a row under which columns stand that must be null.
const NULL: &str = "null";

/// Every difference in a line. Columns, and members of structs, that an expected row leaves out are not compared, but
/// every declared column must be in one of them.
pub(crate) fn rows(def: &AssetTypeDef, actual: &[Value], expected: &[toml::Table]) -> Vec<String> {
    let mut problems = Vec::new();
    if actual.len() != expected.len() {
        problems.push(format!("{} rows instead of {}", actual.len(), expected.len()));
    }
    let mut compared = BTreeSet::new();
    for (number, (actual, expected)) in actual.iter().zip(expected).enumerate() {
        for (column, expected) in expected {
            let at = format!("row {}, `{column}`", number + 1);
            if column == NULL {
                for column in expected.as_array().into_iter().flatten().filter_map(toml::Value::as_str) {
                    compared.insert(column.to_owned());
                    match actual.get(column) {
                        Some(Value::Null) => {}
                        Some(value) => problems.push(format!("row {}, `{column}` is {value} and not null", number + 1)),
                        None => problems.push(format!("row {}: there is no column `{column}`", number + 1)),
                    }
                }
                continue;
            }
            compared.insert(column.clone());
            match actual.get(column) {
                Some(actual) => value(&at, actual, expected, &mut problems),
                None => problems.push(format!("{at}: there is no such column")),
            }
        }
    }
    let missing: Vec<&str> =
        def.columns.iter().map(|column| column.name.as_str()).filter(|column| !compared.contains(*column)).collect();
    if !missing.is_empty() {
        problems.push(format!("no row compares {}", missing.join(", ")));
    }
    problems
}

fn value(at: &str, actual: &Value, expected: &toml::Value, problems: &mut Vec<String>) {
    match (actual, expected) {
        (Value::Object(members), toml::Value::Table(expected)) => {
            for (name, expected) in expected {
                match members.get(name) {
                    Some(member) => value(&format!("{at}.{name}"), member, expected, problems),
                    None => problems.push(format!("{at} has no `{name}`: {actual}")),
                }
            }
        }
        (Value::Array(items), toml::Value::Array(expected)) if items.len() == expected.len() => {
            for (place, (item, expected)) in items.iter().zip(expected).enumerate() {
                value(&format!("{at}[{place}]"), item, expected, problems);
            }
        }
        (Value::String(text), toml::Value::String(expected)) if text == expected => {}
        (Value::Bool(flag), toml::Value::Boolean(expected)) if flag == expected => {}
        (Value::Number(number), toml::Value::Integer(expected)) if number.as_i64() == Some(*expected) => {}
        (Value::Number(number), toml::Value::Float(expected)) if number.as_f64() == Some(*expected) => {}
        _ => problems.push(format!("{at} is {actual} and not {expected}")),
    }
}
