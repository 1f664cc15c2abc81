//! Steps of people's own: a webhook or a command, which are given the job as JSON and answer JSON.

use serde_json::{Map, Value};

use crate::declared::Stage;
use crate::facts::Facts;
use crate::fix::{FixError, Job};
use crate::state::Reading;

pub(crate) mod command;
pub(crate) mod webhook;

/// What people's own steps may do.
#[derive(Debug, Clone, Default)]
pub struct CustomSettings {
    /// Whether webhooks may go to private and loopback addresses, and without TLS.
    pub private_webhooks: bool,
}

/// An answer is read, and kept, up to here.
const ANSWER_BYTES: usize = 1 << 20;

/// What a webhook or command is given: all facts, and what it is asked to do.
fn given(facts: &Facts, stage: Stage) -> Value {
    let mut given = Map::new();
    given.insert("stage".to_owned(), stage.as_str().into());
    given.extend(facts.all().clone());
    Value::Object(given)
}

/// The JSON object of an answer; nothing is an empty one.
fn reading(call: &str, answer: Vec<u8>) -> Result<Reading, FixError> {
    let failed = |reason: String| FixError::Custom { call: call.to_owned(), reason };
    let text = String::from_utf8(answer).map_err(|_| failed("the answer is no text".to_owned()))?;
    if text.trim().is_empty() {
        return Ok(Reading { json: Value::Object(Map::new()), text });
    }
    let json: Value = serde_json::from_str(&text).map_err(|error| failed(format!("the answer is no JSON: {error}")))?;
    if !json.is_object() {
        return Err(failed("the answer is no JSON object".to_owned()));
    }
    Ok(Reading { json, text })
}

/// Asks the guard before a step that changes something.
async fn may(job: Job<'_>, call: &str, stage: Stage) -> Result<(), FixError> {
    if stage == Stage::Read { Ok(()) } else { job.live.may_change(call).await }
}

#[cfg(test)]
mod tests;
