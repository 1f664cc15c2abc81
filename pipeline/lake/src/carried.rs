//! The functions of a session as bytes, for a process that runs a part of a plan and knows no session.
//!
//! Functions that come with the engine are known everywhere by their names. Ours stand for what a session knows: the run's
//! time, and when scopes were last answered.

use std::sync::Arc;

use chrono::DateTime;
use datafusion::logical_expr::ScalarUDF;
use serde::{Deserialize, Serialize};

use crate::answered_at::{AnsweredAt, Answers, Times};
use crate::run_time::RunTime;

/// What a function stands for.
#[derive(Serialize, Deserialize)]
enum Carried {
    /// The run's time, in microseconds since the epoch.
    RunTime(i64),
    /// By asset type.
    AnsweredAt(Vec<(String, Vec<Answer>)>),
}

/// An account, a scope, and when it was last answered whole, in microseconds since the epoch.
type Answer = (String, String, i64);

/// Bytes cannot be understood as a function.
#[derive(Debug, thiserror::Error)]
#[error("what came with the function `{name}` is not of this version of PacBot")]
pub struct CarriedError {
    name: String,
    source: Option<serde_json::Error>,
}

/// What a session's own function stands for, as bytes; `None` for a function that the engine knows by its name.
#[must_use]
pub fn function_to_bytes(function: &ScalarUDF) -> Option<Vec<u8>> {
    let inner = function.inner().as_ref();
    let carried = if let Some(time) = inner.downcast_ref::<RunTime>() {
        Carried::RunTime(time.run_at.timestamp_micros())
    } else {
        let answered = inner.downcast_ref::<AnsweredAt>()?;
        let types = answered.times.0.iter().map(|(asset_type, answers)| {
            let answers = answers.iter().map(|((account, scope), at)| (account.clone(), scope.clone(), *at));
            (asset_type.clone(), answers.collect())
        });
        Carried::AnsweredAt(types.collect())
    };
    serde_json::to_vec(&carried).ok()
}

/// The function `name` that [`function_to_bytes`] was given.
///
/// # Errors
///
/// [`CarriedError`] when another version of the program wrote the bytes.
pub fn function_from_bytes(name: &str, bytes: &[u8]) -> Result<ScalarUDF, CarriedError> {
    let failed = |source| CarriedError { name: name.to_owned(), source };
    match serde_json::from_slice(bytes).map_err(|error| failed(Some(error)))? {
        Carried::RunTime(micros) => {
            let run_at = DateTime::from_timestamp_micros(micros).ok_or_else(|| failed(None))?;
            Ok(RunTime::function(name, run_at))
        }
        Carried::AnsweredAt(types) => {
            let types = types.into_iter().map(|(asset_type, answers)| {
                let answers: Answers = answers.into_iter().map(|(account, scope, at)| ((account, scope), at)).collect();
                (asset_type, Arc::new(answers))
            });
            Ok(AnsweredAt::function(name, Arc::new(Times(types.collect()))))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use chrono::{TimeZone, Utc};

    use super::*;

    #[test]
    fn what_a_function_stands_for_comes_along() {
        let answers = HashMap::from([(("1".to_owned(), "r".to_owned()), 7)]);
        let times = Times(HashMap::from([("aws_vpc".to_owned(), Arc::new(answers))]));
        let functions = [
            RunTime::function("today", Utc.with_ymd_and_hms(2025, 3, 1, 6, 0, 0).unwrap()),
            AnsweredAt::function("collected_at", Arc::new(times)),
        ];
        for function in functions {
            let bytes = function_to_bytes(&function).unwrap();
            assert_eq!(function_from_bytes(function.name(), &bytes).unwrap(), function);
        }
    }

    #[test]
    fn the_engine_knows_its_own_functions() {
        assert_eq!(function_to_bytes(&datafusion::functions::string::upper()), None);
        assert!(function_from_bytes("now", b"{}").is_err());
    }
}
