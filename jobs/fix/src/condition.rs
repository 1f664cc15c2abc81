//! Conditions on facts: whether a state is good, whether a step is made, whether a fix refuses.

use pacbot_cloud::CallError;
use pacbot_collect::filled_value;
use serde::Deserialize;
use serde_json::Value;

use crate::facts::Facts;

/// One condition; what it says must all hold.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Condition {
    /// The dotted name of what is looked at.
    pub(crate) value: String,
    /// It is this.
    equals: Option<toml::Value>,
    /// It is not this.
    not: Option<toml::Value>,
    /// There is none.
    absent: Option<bool>,
    /// It is an empty list or text, or there is none.
    empty: Option<bool>,
    /// It is a list with an item that is this, or has all these members.
    contains: Option<toml::Value>,
    /// It is a list without such an item, or there is none.
    lacks: Option<toml::Value>,
}

impl Condition {
    /// Whether it holds.
    ///
    /// # Errors
    ///
    /// [`CallError`] if it compares with a placeholder that has no value.
    pub(crate) fn holds(&self, facts: &Facts) -> Result<bool, CallError> {
        let found = facts.get(&self.value);
        let filled = |value: &Option<toml::Value>| value.as_ref().map(|value| filled_value(value, facts)).transpose();
        let (equals, not) = (filled(&self.equals)?, filled(&self.not)?);
        let (contains, lacks) = (filled(&self.contains)?, filled(&self.lacks)?);
        let has = |wanted: &Value| {
            let items = found.and_then(Value::as_array);
            items.is_some_and(|items| items.iter().any(|item| is_covered(wanted, item)))
        };
        Ok(equals.is_none_or(|wanted| found == Some(&wanted))
            && not.is_none_or(|unwanted| found != Some(&unwanted))
            && self.absent.is_none_or(|absent| absent == found.is_none())
            && self.empty.is_none_or(|empty| empty == is_empty(found))
            && contains.is_none_or(|wanted| has(&wanted))
            && lacks.is_none_or(|unwanted| !has(&unwanted)))
    }

    /// Whether it compares with anything.
    pub(crate) fn says_something(&self) -> bool {
        let compared = [&self.equals, &self.not, &self.contains, &self.lacks];
        compared.iter().any(|value| value.is_some()) || self.absent.is_some() || self.empty.is_some()
    }
}

/// Whether all hold.
pub(crate) fn all_hold(conditions: &[Condition], facts: &Facts) -> Result<bool, CallError> {
    for condition in conditions {
        if !condition.holds(facts)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn is_empty(value: Option<&Value>) -> bool {
    match value {
        None => true,
        Some(Value::Array(items)) => items.is_empty(),
        Some(Value::Object(members)) => members.is_empty(),
        Some(Value::String(text)) => text.is_empty(),
        Some(_) => false,
    }
}

/// Whether `item` is `wanted`, or an object with all its members.
fn is_covered(wanted: &Value, item: &Value) -> bool {
    match (wanted, item) {
        (Value::Object(wanted), Value::Object(item)) => {
            wanted.iter().all(|(name, value)| item.get(name) == Some(value))
        }
        _ => wanted == item,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn holds(condition: &str, state: Value) -> bool {
        let condition: Condition = toml::from_str(condition).unwrap();
        let mut facts = Facts::empty();
        facts.set("state", state);
        condition.holds(&facts).unwrap()
    }

    #[test]
    fn what_is_not_there_is_absent_and_empty_and_equals_nothing() {
        assert!(holds("value = 'state.a'\nabsent = true\nempty = true", json!({ "a": null })));
        assert!(!holds("value = 'state.a'\nequals = false", json!({})));
        assert!(holds("value = 'state.a'\nlacks = 'x'", json!({})));
        assert!(!holds("value = 'state.a'\nempty = true", json!({ "a": false })));
    }

    #[test]
    fn items_are_found_by_some_of_their_members() {
        let list = json!({ "a": [{ "group": "all" }, { "userId": "1", "more": 2 }] });
        assert!(holds("value = 'state.a'\ncontains = { group = 'all' }", list.clone()));
        assert!(holds("value = 'state.a'\nlacks = { group = 'none' }", list));
    }
}
