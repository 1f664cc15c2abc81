//! What the tests of this crate share: small asset types, a scope, an API that answers from a script.

use std::sync::{Arc, Mutex};

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use pacbot_cloud::{Aws, AwsSettings, CallLabel, Transport, TransportError};
use pacbot_schemas::{Account, AccountId, Partition, Region, Scope};

use crate::{Coverage, RunContext, ScopeResult, StagedAssets, StagingRoom};

/// An EC2 type up to its paging.
pub(crate) const EC2_HEAD: &str = r#"
table    = "aws_test"
doc      = "Things."
asset_id = "arn:{partition}:test:{region}:{account_id}:{instance_id}"
name     = "{tags.Name|instance_id}"
[request.list]
service   = "ec2"
protocol  = "ec2"
version   = "2016-11-15"
operation = "DescribeThings"
"#;

/// A JSON type with the items `Things[]`, the key `id` and these columns.
pub(crate) fn json_type(columns: &str) -> String {
    format!(
        r#"
table    = "aws_test"
doc      = "Things."
asset_id = "thing/{{id}}"
name     = "{{id}}"
[request.list]
service    = "test"
protocol   = "json-1.1"
target     = "Test"
operation  = "ListThings"
items      = "Things[]"
permission = "test:ListThings"
[columns]
{columns}
"#
    )
}

/// A scope of the account 111122223333.
pub(crate) fn scope(region: &str) -> Scope {
    let account =
        Account { id: AccountId::new("111122223333").unwrap(), name: "production".into(), partition: Partition::Aws };
    Scope { account: Arc::new(account), region: Region::new(region).unwrap() }
}

/// The base credentials are those of the scope's account.
const IDENTITY: &str = "<GetCallerIdentityResponse><GetCallerIdentityResult><Account>111122223333</Account>\
    <Arn>arn:aws:iam::111122223333:user/test</Arn></GetCallerIdentityResult></GetCallerIdentityResponse>";

/// Answers requests from rules, and remembers what it was asked.
#[derive(Debug, Default)]
pub(crate) struct Script {
    rules: Vec<Rule>,
    is_silent: bool,
    asked: Mutex<Vec<String>>,
}

#[derive(Debug)]
struct Rule {
    operation: &'static str,
    contains: &'static str,
    status: u16,
    body: String,
    header: Option<(&'static str, &'static str)>,
}

impl Script {
    /// Answers nothing, not even whose credentials these are.
    pub(crate) fn silent() -> Self {
        Self { is_silent: true, ..Self::default() }
    }

    /// Answers `operation` where the request's path, query or body contains `contains`. The first rule that
    /// fits answers.
    pub(crate) fn on(self, operation: &'static str, contains: &'static str, body: impl Into<String>) -> Self {
        self.with(operation, contains, 200, body.into())
    }

    /// Answers with an error of the JSON protocols.
    pub(crate) fn fails(self, operation: &'static str, contains: &'static str, status: u16, code: &str) -> Self {
        self.with(operation, contains, status, format!(r#"{{"__type": "{code}", "message": "not so"}}"#))
    }

    /// Answers with this status.
    pub(crate) fn with(mut self, operation: &'static str, contains: &'static str, status: u16, body: String) -> Self {
        self.rules.push(Rule { operation, contains, status, body, header: None });
        self
    }

    /// Answers with no body and this header.
    pub(crate) fn headed(
        mut self,
        operation: &'static str,
        contains: &'static str,
        status: u16,
        header: (&'static str, &'static str),
    ) -> Self {
        self.rules.push(Rule { operation, contains, status, body: String::new(), header: Some(header) });
        self
    }

    /// The rules of `other` where none of these fits.
    pub(crate) fn then(mut self, other: Self) -> Self {
        self.rules.extend(other.rules);
        self
    }

    /// What was asked: operation, path with query, and body.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    /// How often an operation was asked for.
    pub(crate) fn count(&self, operation: &str) -> usize {
        self.asked().iter().filter(|asked| asked.split(' ').next() == Some(operation)).count()
    }
}

#[async_trait]
impl Transport for Script {
    async fn send(
        &self,
        call: &CallLabel,
        request: http::Request<Bytes>,
    ) -> Result<http::Response<Bytes>, TransportError> {
        if call.operation == "GetCallerIdentity" && !self.is_silent {
            return Ok(http::Response::new(Bytes::from_static(IDENTITY.as_bytes())));
        }
        let path = request.uri().path_and_query().map(ToString::to_string).unwrap_or_default();
        let asked = format!("{} {path} {}", call.operation, String::from_utf8_lossy(request.body()));
        self.asked.lock().unwrap().push(asked.clone());
        let fits = |rule: &&Rule| rule.operation == call.operation && asked.contains(rule.contains);
        let Some(rule) = self.rules.iter().find(fits) else {
            return Err(TransportError::NotRecorded { exchange: asked });
        };
        let mut response = http::Response::new(Bytes::from(rule.body.clone()));
        if let Some((name, value)) = rule.header {
            response.headers_mut().insert(name, http::HeaderValue::from_static(value));
        }
        *response.status_mut() = http::StatusCode::from_u16(rule.status).unwrap();
        Ok(response)
    }

    /// No credentials, no limits, no waiting.
    fn is_replay(&self) -> bool {
        true
    }
}

/// The time of all runs.
pub(crate) fn run_at() -> DateTime<Utc> {
    DateTime::from_timestamp(1_714_979_289, 0).unwrap()
}

/// A run over a script, with everything wanted and follow-ups one by one.
pub(crate) fn context(script: &Arc<Script>, settings: AwsSettings) -> RunContext {
    let aws = Aws::new(settings, script.clone()).unwrap();
    RunContext { follow_ups_at_once: 1, ..RunContext::new(aws, run_at(), StagingRoom::new("/nowhere", usize::MAX)) }
}

/// One value as text; null is `-`.
pub(crate) fn cell(assets: &Arc<StagedAssets>, row: usize, column: &str) -> String {
    let batches: Vec<RecordBatch> = assets.batches().collect::<Result<_, _>>().unwrap();
    let batch = concat_batches(assets.schema(), &batches).unwrap();
    let column = batch.column_by_name(column).unwrap();
    crate::values::text(column, row).map_or_else(|| "-".to_owned(), |text| text.into_owned())
}

/// A column of all assets as text.
pub(crate) fn cells(assets: &Arc<StagedAssets>, column: &str) -> Vec<String> {
    (0..usize::try_from(assets.rows()).unwrap()).map(|row| cell(assets, row, column)).collect()
}

/// The coverage of a request.
pub(crate) fn covered<'a>(result: &'a ScopeResult, request: &str) -> &'a Coverage {
    result.coverage.iter().find(|coverage| coverage.request == request).unwrap()
}
