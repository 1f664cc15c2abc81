//! Clients of the official SDK crates over our transport, for native collectors.
//!
//! Their requests pass the same limits and are recorded like our own. The SDK signs and retries; only what
//! it does not do is done here: a request whose credentials have expired is signed anew and sent once more.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use aws_config::BehaviorVersion;
use aws_config::identity::IdentityCache;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::{ConnectorError, SdkError};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::client::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_smithy_types::retry::RetryConfig;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use pacbot_schemas::{AccountId, Protocol, Region};
use tracing::{Instrument, debug};

use crate::api_error::{classify, judge};
use crate::caller::Caller;
use crate::credentials::AccountCredentials;
use crate::error::{CallError, CallErrorKind, with_causes};
use crate::measure;
use crate::settings::AwsSettings;
use crate::signing::sign;
use crate::transport::{CallLabel, TransportError};

/// Carries the requests of one SDK client for one account and region.
#[derive(Debug, Clone)]
pub(crate) struct SdkClient {
    caller: Arc<Caller>,
    credentials: Arc<AccountCredentials>,
    account: AccountId,
    region: Region,
}

impl SdkClient {
    pub(crate) fn new(
        caller: Arc<Caller>,
        credentials: Arc<AccountCredentials>,
        account: AccountId,
        region: Region,
    ) -> Self {
        Self { caller, credentials, account, region }
    }

    /// The configuration of a client that uses this.
    pub(crate) fn config(self, settings: &AwsSettings, region: String) -> aws_types::SdkConfig {
        let limits = &settings.limits;
        let backoff = if self.caller.transport.is_replay() { Duration::ZERO } else { limits.backoff };
        let mut config = aws_types::SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(aws_types::region::Region::new(region))
            .retry_config(
                RetryConfig::standard().with_max_attempts(limits.max_attempts.get()).with_initial_backoff(backoff),
            )
            .sleep_impl(self.caller.clock.clone())
            .time_source(self.caller.clock.clone())
            // Ours keeps and renews them; a second cache would hold on to expired ones.
            .identity_cache(IdentityCache::no_cache())
            .credentials_provider(SharedCredentialsProvider::new(self.clone()))
            // Answers are whole before the SDK sees them.
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .http_client(self);
        config.set_endpoint_url(settings.endpoint.as_ref().map(ToString::to_string));
        config.build()
    }

    async fn exchange(&self, mut request: Request<Bytes>) -> Result<Response<Bytes>, ConnectorError> {
        let signature = Signature::of(&request);
        let label = CallLabel {
            account: self.account.clone(),
            region: self.region.clone(),
            service: signature.as_ref().map_or("unsigned", |signature| signature.service.as_str()).to_owned(),
            operation: operation(&request),
        };
        let response = self.send(&label, request.clone()).await?;
        let Some(expired) = signature.filter(|_| code_kind(&response) == Some(CallErrorKind::Expired)) else {
            return Ok(response);
        };
        self.credentials.discard(&expired.access_key_id);
        let renewed = self.credentials.get(&self.caller).await.map_err(|error| ConnectorError::user(error.into()))?;
        sign(&mut request, &renewed, &expired.service, &expired.region, self.caller.clock.now())
            .map_err(|error| ConnectorError::user(error.into()))?;
        self.send(&label, request).await
    }

    async fn send(&self, label: &CallLabel, request: Request<Bytes>) -> Result<Response<Bytes>, ConnectorError> {
        let began = self.caller.clock.steady();
        let permit = self.caller.limiter.admit(label).await;
        let sent = self.caller.transport.send(label, request).instrument(measure::span(label)).await;
        drop(permit);
        let took = self.caller.clock.steady().saturating_sub(began);
        let kind = sent.as_ref().map_or(Some(CallErrorKind::Transport), code_kind);
        measure::called(label, kind.map_or(measure::ANSWERED, CallErrorKind::as_str), took);
        let response = sent.map_err(connector_error)?;
        self.caller.limiter.note(label, kind == Some(CallErrorKind::Throttled));
        debug!(
            account = %label.account, region = %label.region, service = label.service,
            operation = label.operation, status = response.status().as_u16(),
            millis = took.as_millis(),
            "called by an SDK client"
        );
        Ok(response)
    }
}

impl ProvideCredentials for SdkClient {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async {
            self.credentials.get(&self.caller).await.map_err(CredentialsError::provider_error)
        })
    }
}

impl HttpClient for SdkClient {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for SdkClient {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let client = self.clone();
        HttpConnectorFuture::new(async move { answered(client.exchange(buffered(request).await?).await?) })
    }
}

impl CallError {
    /// What an SDK client of [`crate::Aws::sdk_config`] failed with, judged like any other call.
    ///
    /// The SDK does not tell how often it tried, so `attempts` is 1.
    #[must_use]
    pub fn from_sdk<E>(error: &SdkError<E, HttpResponse>) -> Self
    where
        E: Error + ProvideErrorMetadata + 'static,
    {
        let mut cause: Option<&(dyn Error + 'static)> = Some(error);
        while let Some(inner) = cause {
            if let Some(call) = inner.downcast_ref::<CallError>() {
                return call.clone();
            }
            if let Some(transport) = inner.downcast_ref::<TransportError>() {
                return Self { attempts: 1, ..transport.clone().into() };
            }
            cause = inner.source();
        }
        let status = error.raw_response().and_then(|raw| StatusCode::from_u16(raw.status().as_u16()).ok());
        let said = error.as_service_error().and_then(|said| Some((said.code()?.to_owned(), said.message())));
        let call = match (said, status, error.raw_response()) {
            (Some((code, message)), Some(status), _) => {
                let kind = classify(Some(&code), status);
                Self::answered(kind, Some(code), message.unwrap_or_default(), status)
            }
            (None, Some(status), Some(raw)) => {
                let body = Bytes::copy_from_slice(raw.body().bytes().unwrap_or_default());
                let mut response = Response::new(body);
                *response.status_mut() = status;
                let unread = || Self::answered(CallErrorKind::NotAnApi, None, &with_causes(error), status);
                judge(Protocol::RestXml, "", response).err().unwrap_or_else(unread)
            }
            _ if matches!(error, SdkError::TimeoutError(_)) => Self::new(CallErrorKind::Timeout, with_causes(error)),
            _ => Self::new(CallErrorKind::Request, with_causes(error)),
        };
        Self { attempts: 1, ..call }
    }
}

/// What a request was signed with and for.
#[derive(Debug, PartialEq, Eq)]
struct Signature {
    access_key_id: String,
    region: String,
    service: String,
}

impl Signature {
    fn of(request: &Request<Bytes>) -> Option<Self> {
        let header = request.headers().get("authorization")?.to_str().ok()?;
        // KEY/DATE/REGION/SERVICE/aws4_request
        let mut scope = header.split_once("Credential=")?.1.split(',').next()?.split('/').map(str::to_owned);
        Some(Self { access_key_id: scope.next()?, region: scope.nth(1)?, service: scope.next()? })
    }
}

/// A name for recordings and logs. Only JSON protocols carry the operation's; S3 has the sub-resource.
fn operation(request: &Request<Bytes>) -> String {
    if let Some(target) = request.headers().get("x-amz-target").and_then(|target| target.to_str().ok()) {
        return target.rsplit('.').next().unwrap_or(target).to_owned();
    }
    let pairs = request.uri().query().unwrap_or_default().split('&');
    let named = pairs.clone().find_map(|pair| pair.strip_prefix("x-id="));
    let resource = || pairs.clone().find(|pair| !pair.is_empty() && !pair.contains('='));
    match named.or_else(resource).or_else(|| pairs.clone().find_map(|pair| pair.strip_suffix('='))) {
        Some(name) => format!("{}:{name}", request.method()),
        None => request.method().to_string(),
    }
}

/// What the error of an answer means, if it is one.
fn code_kind(response: &Response<Bytes>) -> Option<CallErrorKind> {
    if response.status().is_success() {
        return None;
    }
    let content_type = response.headers().get(http::header::CONTENT_TYPE).map(|kind| kind.as_bytes());
    let is_json =
        content_type.is_some_and(|kind| kind.ends_with(b"json") || kind.starts_with(b"application/x-amz-json"));
    let protocol = if is_json { Protocol::RestJson } else { Protocol::RestXml };
    judge(protocol, "", response.clone()).err().map(|error| error.kind)
}

/// The SDK's request with its whole body.
pub(crate) async fn buffered(request: HttpRequest) -> Result<Request<Bytes>, ConnectorError> {
    let request = request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?;
    let (parts, body) = request.into_parts();
    let body = match body.bytes() {
        Some(bytes) => Bytes::copy_from_slice(bytes),
        None => {
            let body = ByteStream::new(body).collect().await;
            body.map_err(|error| ConnectorError::user(error.into()))?.into_bytes()
        }
    };
    Ok(Request::from_parts(parts, body))
}

pub(crate) fn answered(response: Response<Bytes>) -> Result<HttpResponse, ConnectorError> {
    HttpResponse::try_from(response.map(SdkBody::from)).map_err(|error| ConnectorError::other(error.into(), None))
}

/// What the SDK may retry is told from what it may not.
pub(crate) fn connector_error(error: TransportError) -> ConnectorError {
    match error {
        TransportError::Timeout { .. } => ConnectorError::timeout(error.into()),
        TransportError::Connect { .. } | TransportError::Truncated { .. } => ConnectorError::io(error.into()),
        TransportError::TooLarge { .. } | TransportError::NotRecorded { .. } => ConnectorError::user(error.into()),
    }
}

#[cfg(test)]
mod tests;
