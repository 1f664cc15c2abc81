//! Answers that were recorded from the APIs' documentation, through a stub transport; and what was asked.

use std::fmt;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use bytes::Bytes;
use pacbot_cloud::{Ambient, Aws, AwsSettings, CallLabel, Transport, TransportError};
use pacbot_schemas::{AccountId, AssetType, Partition, PolicyId, Region};
use serde_json::{Map, Value, json};

use crate::custom::CustomSettings;
use crate::fix::Target;
use crate::live::{Guard, Live, ReadOnly};

type Script = dyn Fn(&str, &str) -> (u16, String) + Send + Sync;

/// Answers from a closure, which is given operation and body.
pub(crate) struct Stub {
    script: Box<Script>,
    sent: Mutex<Vec<(String, String)>>,
}

impl fmt::Debug for Stub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stub")
    }
}

impl Stub {
    pub(crate) fn new(script: impl Fn(&str, &str) -> (u16, String) + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self { script: Box::new(script), sent: Mutex::default() })
    }

    /// The bodies of what was sent as `operation`.
    pub(crate) fn sent(&self, operation: &str) -> Vec<String> {
        let sent = self.sent.lock().unwrap();
        sent.iter().filter(|(name, _)| name == operation).map(|(_, body)| body.clone()).collect()
    }
}

#[async_trait]
impl Transport for Stub {
    async fn send(
        &self,
        call: &CallLabel,
        request: http::Request<Bytes>,
    ) -> Result<http::Response<Bytes>, TransportError> {
        if call.operation == "GetCallerIdentity" {
            let account = "<GetCallerIdentityResult><Account>111122223333</Account></GetCallerIdentityResult>";
            let answer = format!("<GetCallerIdentityResponse>{account}</GetCallerIdentityResponse>");
            return Ok(http::Response::new(Bytes::from(answer)));
        }
        let body = String::from_utf8_lossy(request.body()).into_owned();
        self.sent.lock().unwrap().push((call.operation.clone(), body.clone()));
        let (status, answer) = (self.script)(&call.operation, &body);
        let mut response = http::Response::new(Bytes::from(answer));
        *response.status_mut() = status.try_into().unwrap();
        Ok(response)
    }
}

/// Lets everything pass.
struct Open;

#[async_trait]
impl Guard for Open {
    async fn check(&self) -> Result<(), String> {
        Ok(())
    }
}

pub(crate) fn live(stub: &Arc<Stub>, is_open: bool) -> Live {
    let settings: AwsSettings = toml::from_str("limits = { attempts = 1 }").unwrap_or_default();
    let credentials = SharedCredentialsProvider::new(Credentials::new("AKIA", "secret", None, None, "test"));
    let ambient = Ambient { credentials: Some(credentials), ..Ambient::default() };
    let aws = Aws::with_ambient(settings, stub.clone(), ambient).unwrap();
    let guard: Arc<dyn Guard> = if is_open { Arc::new(Open) } else { Arc::new(ReadOnly) };
    Live::new(aws, Partition::Aws, guard, CustomSettings { private_webhooks: true })
}

pub(crate) fn target(asset_type: &str, asset: Value) -> Target {
    Target {
        tags: std::collections::BTreeMap::new(),
        issue_id: "0123456789abcdef".to_owned(),
        occurrence: 1,
        policy_id: PolicyId::new("aws-x").unwrap(),
        asset_type: AssetType::new(asset_type).unwrap(),
        asset_id: "the-asset".to_owned(),
        account_id: AccountId::new("111122223333").unwrap(),
        region: Region::new("eu-west-1").unwrap(),
        key: String::new(),
        reason: String::new(),
        evidence: Value::Null,
        asset: match asset {
            Value::Object(asset) => asset,
            _ => Map::new(),
        },
    }
}

pub(crate) fn parameters(values: Value) -> crate::fix::Parameters {
    serde_json::from_value(values).unwrap()
}

/// No parameters.
pub(crate) fn none() -> crate::fix::Parameters {
    parameters(json!({}))
}
