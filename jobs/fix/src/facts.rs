//! What the placeholders of a fix file stand for: the violating row, parameters, the state before, what was made.

use std::borrow::Cow;

use pacbot_collect::Lookup;
use serde_json::{Map, Value, json};

use crate::fix::{Job, Made, State};

/// The names that placeholders may begin with.
pub(crate) const HEADS: [&str; 14] = [
    "account_id",
    "region",
    "partition",
    "issue_id",
    "occurrence",
    "policy_id",
    "asset_type",
    "asset_id",
    "key",
    "reason",
    "asset",
    "evidence",
    "parameter",
    "state",
];

/// Values by dotted name.
#[derive(Debug, Clone)]
pub(crate) struct Facts(Map<String, Value>);

impl Facts {
    /// What is known of a job before anything is read.
    pub(crate) fn of(job: Job<'_>) -> Self {
        let target = job.target;
        let facts = json!({
            "account_id": target.account_id,
            "region": target.region,
            "partition": job.live.partition().as_str(),
            "issue_id": target.issue_id,
            "occurrence": target.occurrence,
            "policy_id": target.policy_id,
            "asset_type": target.asset_type,
            "asset_id": target.asset_id,
            "key": target.key,
            "reason": target.reason,
            "asset": target.asset,
            "evidence": target.evidence,
            "parameter": job.parameters,
        });
        Self(match facts {
            Value::Object(facts) => facts,
            _ => Map::new(),
        })
    }

    #[cfg(test)]
    pub(crate) fn empty() -> Self {
        Self(Map::new())
    }

    pub(crate) fn with_state(mut self, state: &State) -> Self {
        self.set("state", Value::Object(state.0.clone()));
        self
    }

    pub(crate) fn with_made(mut self, made: &Made) -> Self {
        self.set("made", Value::Object(made.clone()));
        self
    }

    pub(crate) fn set(&mut self, name: &str, value: Value) {
        self.0.insert(name.to_owned(), value);
    }

    /// The value of a dotted name; `None` where there is none or null.
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        let (head, mut rest) = name.split_once('.').map_or((name, None), |(head, rest)| (head, Some(rest)));
        let mut value = self.0.get(head)?;
        while let Some(path) = rest {
            // A key may hold dots, such as a tag's.
            if let Some(found) = value.get(path) {
                value = found;
                break;
            }
            let (head, tail) = path.split_once('.').map_or((path, None), |(head, tail)| (head, Some(tail)));
            value = value.get(head)?;
            rest = tail;
        }
        Some(value).filter(|value| !value.is_null())
    }

    pub(crate) fn all(&self) -> &Map<String, Value> {
        &self.0
    }
}

impl Lookup for Facts {
    fn text(&self, name: &str) -> Option<Cow<'_, str>> {
        Some(match self.get(name)? {
            Value::String(text) => Cow::Borrowed(text),
            Value::Array(items) if items.iter().all(Value::is_string) => {
                Cow::Owned(items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", "))
            }
            value => Cow::Owned(value.to_string()),
        })
    }

    fn value(&self, name: &str) -> Option<Value> {
        self.get(name).cloned()
    }
}
