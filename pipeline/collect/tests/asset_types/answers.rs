//! An API that gives the answers of a file, and what a collector makes of them.

use std::sync::{Arc, Mutex};

use arrow::array::RecordBatch;
use arrow::json::WriterBuilder;
use arrow::json::writer::JsonArray;
use async_trait::async_trait;
use bytes::Bytes;
use chrono::DateTime;
use pacbot_cloud::{Aws, AwsSettings, CallLabel, Transport, TransportError};
use pacbot_collect::{RunContext, StagingRoom, collectors};
use pacbot_schemas::{Account, AccountId, AssetTypeDef, CoverageStatus, Partition, Region, Scope, ScopeKind};
use serde::Deserialize;
use serde_json::Value;

/// A file of answers and rows.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AnswerFile {
    pub(crate) answer: Vec<Answer>,
    pub(crate) row: Vec<toml::Table>,
}

/// What the API answers to an operation.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Answer {
    operation: String,
    /// Text that the request's path, query or body holds.
    #[serde(default)]
    when: String,
    /// How often it is given, before a later one that fits is; always, when left out.
    times: Option<usize>,
    #[serde(default = "ok")]
    status: u16,
    body: String,
}

fn ok() -> u16 {
    200
}

#[derive(Debug)]
struct Api {
    answers: Vec<Answer>,
    /// How often each was given.
    given: Mutex<Vec<usize>>,
}

#[async_trait]
impl Transport for Api {
    async fn send(
        &self,
        call: &CallLabel,
        request: http::Request<Bytes>,
    ) -> Result<http::Response<Bytes>, TransportError> {
        if call.operation == "GetCallerIdentity"
            && !self.answers.iter().any(|answer| answer.operation == call.operation)
        {
            let identity = "<R><GetCallerIdentityResult><Account>111122223333</Account></GetCallerIdentityResult></R>";
            return Ok(http::Response::new(Bytes::from_static(identity.as_bytes())));
        }
        let path = request.uri().path_and_query().map(ToString::to_string).unwrap_or_default();
        let asked = format!("{path} {}", String::from_utf8_lossy(request.body()));
        let plain = percent_encoding::percent_decode_str(&asked).decode_utf8_lossy().into_owned();
        let fits = |answer: &Answer| {
            answer.operation == call.operation && (asked.contains(&answer.when) || plain.contains(&answer.when))
        };
        let place = {
            let mut given = self.given.lock().unwrap();
            let is_left = |(place, answer): &(usize, &Answer)| answer.times.is_none_or(|times| given[*place] < times);
            let Some((place, _)) = self.answers.iter().enumerate().filter(is_left).find(|(_, answer)| fits(answer))
            else {
                return Err(TransportError::NotRecorded { exchange: format!("{} {asked}", call.operation) });
            };
            given[place] += 1;
            place
        };
        let answer = &self.answers[place];
        let mut response = http::Response::new(Bytes::from(answer.body.clone()));
        *response.status_mut() = http::StatusCode::from_u16(answer.status).unwrap();
        Ok(response)
    }

    /// No credentials, no limits, no waiting.
    fn is_replay(&self) -> bool {
        true
    }
}

/// The rows of a type as JSON with nulls, and what was not as it should be on the way.
pub(crate) async fn collect(def: &Arc<AssetTypeDef>, answers: Vec<Answer>) -> (Vec<Value>, Vec<String>) {
    let given = Mutex::new(vec![0; answers.len()]);
    let api = Arc::new(Api { answers, given });
    let account =
        Account { id: AccountId::new("111122223333").unwrap(), name: "production".into(), partition: Partition::Aws };
    let region = match def.scope {
        ScopeKind::Region => Region::new("eu-west-1").unwrap(),
        ScopeKind::Global => Region::global(),
    };
    let scope = Scope { account: Arc::new(account), region };
    let run_at = DateTime::from_timestamp(1_767_225_600, 0).unwrap();
    let aws = Aws::new(AwsSettings::default(), api.clone()).unwrap();
    let run = RunContext::new(aws, run_at, StagingRoom::new("/nowhere", usize::MAX));
    let result = collectors([def])[0].collect(&scope, &run).await;

    let mut problems = Vec::new();
    for coverage in &result.coverage {
        let request = &coverage.request;
        if coverage.status != CoverageStatus::Complete {
            problems.push(format!("request `{request}` is {:?}: {:?}", coverage.status, coverage.error));
        }
        if coverage.cell_errors + coverage.broken_items + coverage.duplicates > 0 {
            problems.push(format!("request `{request}` has values of a wrong type or broken items: {coverage:?}"));
        }
    }
    for (answer, _) in api.answers.iter().zip(&*api.given.lock().unwrap()).filter(|(_, given)| **given == 0) {
        problems.push(format!("the answer to {} `{}` was never asked for", answer.operation, answer.when));
    }
    let batches: Vec<RecordBatch> = result.assets.batches().collect::<Result<_, _>>().unwrap();
    (json(&batches), problems)
}

fn json(batches: &[RecordBatch]) -> Vec<Value> {
    let mut writer = WriterBuilder::new().with_explicit_nulls(true).build::<_, JsonArray>(Vec::new());
    writer.write_batches(&batches.iter().collect::<Vec<_>>()).unwrap();
    writer.finish().unwrap();
    serde_json::from_slice(&writer.into_inner()).unwrap_or_default()
}
