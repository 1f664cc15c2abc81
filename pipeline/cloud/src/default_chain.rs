//! The base credentials, from wherever the AWS SDK finds them: environment, profile, SSO, web identity, ECS, IMDS.
//!
//! The chain's own requests pass our transport, under a label that keeps them out of recordings: they
//! answer with secrets, and a replay does not make them.

use std::sync::Arc;
use std::time::Duration;

use aws_config::BehaviorVersion;
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use tokio::sync::OnceCell;

use crate::clock::SharedClock;
use crate::endpoint::global_region;
use crate::keyring::base_label;
use crate::sdk::{answered, buffered, connector_error};
use crate::settings::AwsSettings;
use crate::transport::{CREDENTIALS_SERVICE, Transport};

/// The SDK's default chain, built when credentials are first needed.
#[derive(Debug)]
pub(crate) struct DefaultChain {
    profile: Option<String>,
    region: &'static str,
    transport: Arc<dyn Transport>,
    clock: SharedClock,
    provider: OnceCell<SharedCredentialsProvider>,
}

impl DefaultChain {
    pub(crate) fn new(settings: &AwsSettings, transport: Arc<dyn Transport>, clock: SharedClock) -> Self {
        let region = global_region(settings.partition);
        Self { profile: settings.profile.clone(), region, transport, clock, provider: OnceCell::new() }
    }

    async fn credentials(&self) -> Result<Credentials, CredentialsError> {
        let build = || async {
            let mut loader = aws_config::defaults(BehaviorVersion::latest())
                .region(self.region)
                .time_source(self.clock.clone())
                .http_client(ChainClient { transport: self.transport.clone() });
            if let Some(profile) = &self.profile {
                loader = loader.profile_name(profile);
            }
            loader.load().await.credentials_provider().ok_or_else(|| CredentialsError::not_loaded("no provider"))
        };
        self.provider.get_or_try_init(build).await?.provide_credentials().await
    }
}

impl ProvideCredentials for DefaultChain {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.credentials())
    }
}

/// Carries the chain's own requests.
#[derive(Debug, Clone)]
struct ChainClient {
    transport: Arc<dyn Transport>,
}

impl HttpClient for ChainClient {
    fn http_connector(&self, settings: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        // IMDS is asked with time-outs of a second, else a machine without it waits for minutes.
        let limit = settings.read_timeout().map(|read| read + settings.connect_timeout().unwrap_or_default());
        SharedHttpConnector::new(ChainConnector { transport: self.transport.clone(), limit })
    }
}

#[derive(Debug)]
struct ChainConnector {
    transport: Arc<dyn Transport>,
    limit: Option<Duration>,
}

impl HttpConnector for ChainConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (transport, limit) = (self.transport.clone(), self.limit);
        HttpConnectorFuture::new(async move {
            let label = base_label(CREDENTIALS_SERVICE, "Chain");
            let request = buffered(request).await?;
            let sent = transport.send(&label, request);
            let sent = match limit {
                Some(limit) => {
                    tokio::time::timeout(limit, sent).await.map_err(|error| ConnectorError::timeout(error.into()))?
                }
                None => sent.await,
            };
            answered(sent.map_err(connector_error)?)
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{Scripted, answer, with_header};

    use super::*;

    /// The chain's requests pass our transport, labelled so that nobody records them. IMDS stands for its sources.
    #[tokio::test]
    async fn the_default_chain_asks_over_our_transport() {
        let transport = Scripted::new(|_, before| match before {
            0 => with_header(answer(200, "TOKEN"), "x-aws-ec2-metadata-token-ttl-seconds", "60"),
            _ => answer(200, "reader"),
        });
        let config = aws_config::provider_config::ProviderConfig::empty()
            .with_http_client(ChainClient { transport: transport.clone() })
            .with_time_source(SharedClock(Arc::new(crate::SystemClock::default())))
            .with_sleep_impl(SharedClock(Arc::new(crate::SystemClock::default())));
        let imds = aws_config::imds::Client::builder().configure(&config).build();
        let role = imds.get("/latest/meta-data/iam/security-credentials/").await.unwrap();
        assert_eq!(role.as_ref(), "reader");
        assert_eq!(transport.operations(), ["Chain@base", "Chain@base"]);
    }
}
