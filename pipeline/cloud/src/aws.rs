//! The accounts and regions of one configuration, and calls to them.

use std::sync::Arc;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use http::Method;
use pacbot_schemas::{Account, AccountId, Protocol, Region, Scope};

use crate::caller::Caller;
use crate::clock::{Clock, SharedClock, SystemClock};
use crate::default_chain::DefaultChain;
use crate::endpoint::{real_region, resolve};
use crate::error::{CallError, CallErrorKind};
use crate::keyring::{Keyring, base_endpoint};
use crate::organization::members;
use crate::reach::{Reach, ReachSource, ReachStatus};
use crate::request::{Answer, ApiRequest};
use crate::sdk::SdkClient;
use crate::settings::{AwsSettings, SettingsError};
use crate::transport::{CallLabel, Transport};
use crate::xml::Element;

/// What surrounds the calls: replaced by tests, and by whoever has credentials of other origin.
#[derive(Debug, Clone)]
pub struct Ambient {
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The base credentials; when absent, the default chain of the AWS SDK finds them (environment, profile,
    /// SSO, web identity, ECS, IMDS) at the first call.
    pub credentials: Option<SharedCredentialsProvider>,
}

impl Default for Ambient {
    fn default() -> Self {
        Self { clock: Arc::new(SystemClock::default()), credentials: None }
    }
}

/// The accounts of one configuration. Clones share credentials, limits and connections.
#[derive(Debug, Clone)]
pub struct Aws {
    settings: Arc<AwsSettings>,
    caller: Arc<Caller>,
    keyring: Arc<Keyring>,
}

impl Aws {
    /// Checks the settings; sends nothing.
    ///
    /// # Errors
    ///
    /// [`SettingsError`] if the settings contradict themselves.
    pub fn new(settings: AwsSettings, transport: Arc<dyn Transport>) -> Result<Self, SettingsError> {
        Self::with_ambient(settings, transport, Ambient::default())
    }

    /// [`Self::new`] with a clock or credentials of the caller's.
    ///
    /// # Errors
    ///
    /// [`SettingsError`] if the settings contradict themselves.
    pub fn with_ambient(
        settings: AwsSettings,
        transport: Arc<dyn Transport>,
        ambient: Ambient,
    ) -> Result<Self, SettingsError> {
        settings.validate()?;
        let clock = SharedClock(ambient.clock);
        let provider = if transport.is_replay() {
            SharedCredentialsProvider::new(Credentials::new("REPLAY", "REPLAY", None, None, "replay"))
        } else if let Some(provider) = ambient.credentials {
            provider
        } else {
            SharedCredentialsProvider::new(DefaultChain::new(&settings, transport.clone(), clock.clone()))
        };
        let settings = Arc::new(settings);
        let keyring = Keyring::new(settings.clone(), provider);
        let caller = Caller::new(transport, clock, &settings.limits);
        Ok(Self { settings, caller: Arc::new(caller), keyring: Arc::new(keyring) })
    }

    /// Lists the accounts: those of the configuration, then those of the organization; if there is neither,
    /// the account of the base credentials. Sorted by id. Excluded accounts are left out, suspended ones are
    /// listed as such. No role is assumed in them.
    ///
    /// # Errors
    ///
    /// [`CallError`] if the organization or the base credentials' account cannot be read. The list is then
    /// unknown: accounts must not be taken for gone.
    pub async fn accounts(&self) -> Result<Vec<Reach>, CallError> {
        let settings = &*self.settings;
        let mut reaches: Vec<Reach> = settings
            .accounts
            .iter()
            .map(|configured| {
                let name = configured.name.as_deref().unwrap_or(configured.id.as_str());
                self.reach(&configured.id, name, ReachSource::Configured, ReachStatus::Active)
            })
            .collect();
        if let Some(organization) = &settings.organization {
            let (management, label) = self.keyring.management();
            let credentials = management.as_deref().unwrap_or(&self.keyring.base.credentials);
            let endpoint = base_endpoint(settings, "organizations")?;
            for member in members(&self.caller, &label, &endpoint, credentials).await? {
                let is_configured = settings.accounts.iter().any(|configured| configured.id == member.id);
                if !is_configured && !organization.exclude.contains(&member.id) {
                    reaches.push(self.reach(&member.id, &member.name, ReachSource::Organization, member.status));
                }
            }
        } else if settings.accounts.is_empty() {
            let id = self.keyring.base.identity(&self.caller).await?;
            reaches.push(self.reach(&id, id.as_str(), ReachSource::Base, ReachStatus::Active));
        }
        reaches.retain(|reach| !settings.exclude_accounts.contains(&reach.account.id));
        reaches.sort_by(|one, other| one.account.id.cmp(&other.account.id));
        Ok(reaches)
    }

    /// The regions of an account, sorted: the configured ones, or those that it has enabled.
    ///
    /// # Errors
    ///
    /// [`CallError`] if they are not configured and cannot be listed.
    pub async fn regions(&self, account: &Arc<Account>) -> Result<Vec<Region>, CallError> {
        let mut regions = match &self.settings.regions {
            Some(regions) => regions.clone(),
            None => {
                let scope = Scope { account: account.clone(), region: Region::global() };
                let answer = self.call(&scope, describe_regions()).await?;
                enabled_regions(&answer.body)
                    .ok_or_else(|| CallError::new(CallErrorKind::NotAnApi, "`ec2:DescribeRegions` lists no regions"))?
            }
        };
        regions.sort();
        regions.dedup();
        Ok(regions)
    }

    /// Makes sure that there are credentials for an account, trying again if there were none a moment ago.
    ///
    /// # Errors
    ///
    /// [`CallErrorKind::Credentials`] with the code and message of what stood in the way.
    pub async fn check(&self, account: &Account) -> Result<(), CallError> {
        let credentials = self.keyring.of(&account.id);
        credentials.forget_failure();
        self.keyring.base.credentials.forget_failure();
        credentials.get(&self.caller).await.map(drop)
    }

    /// Sends one request of an account and region and yields the whole answer.
    ///
    /// A scope with the region `global` is the partition's global region, except for services that have a
    /// global endpoint of their own. Waits for the account's limits, renews credentials, tries again.
    ///
    /// # Errors
    ///
    /// [`CallError`]; [`CallErrorKind::Service`] with a code may well be an answer to the caller.
    pub async fn call(&self, scope: &Scope, request: ApiRequest) -> Result<Answer, CallError> {
        let account = &scope.account.id;
        let endpoint = resolve(
            scope.account.partition,
            self.settings.endpoint.as_ref(),
            &request.endpoint,
            &scope.region,
            account,
        )?;
        let label = CallLabel {
            account: account.clone(),
            region: scope.region.clone(),
            service: request.service.clone(),
            operation: request.operation.clone(),
        };
        let credentials = self.keyring.of(account);
        self.caller.call(&label, &endpoint, &request, &credentials).await
    }

    /// Waits, by the clock of the calls. A replay has nothing to wait for.
    pub async fn wait(&self, duration: Duration) {
        if !self.caller.transport.is_replay() {
            self.caller.clock.0.sleep(duration).await;
        }
    }

    /// The configuration for a client of an official SDK crate: our transport, credentials and limits, the
    /// SDK's own retries. Its exchanges are recorded under `scope`'s account and `region`.
    ///
    /// S3 clients should force path style, which emulators want.
    #[must_use]
    pub fn sdk_config(&self, scope: &Scope, region: &Region) -> aws_types::SdkConfig {
        let account = scope.account.id.clone();
        let region_name = real_region(scope.account.partition, region).to_owned();
        let credentials = self.keyring.of(&account);
        SdkClient::new(self.caller.clone(), credentials, account, region.clone()).config(&self.settings, region_name)
    }

    fn reach(&self, id: &AccountId, name: &str, source: ReachSource, status: ReachStatus) -> Reach {
        let account = Account { id: id.clone(), name: name.into(), partition: self.settings.partition };
        Reach { account: Arc::new(account), source, status }
    }
}

fn describe_regions() -> ApiRequest {
    ApiRequest {
        service: "ec2".into(),
        endpoint: "ec2".into(),
        protocol: Protocol::Ec2,
        api_version: Some("2016-11-15".into()),
        target_prefix: None,
        operation: "DescribeRegions".into(),
        method: Method::POST,
        uri: "/".into(),
        params: Vec::new(),
        body: None,
        link: None,
    }
}

/// `None` if no region is listed, which no account has.
fn enabled_regions(body: &[u8]) -> Option<Vec<Region>> {
    let document = Element::parse(body)?;
    let items = &document.find("regionInfo")?.children;
    let enabled = items.iter().filter(|item| item.text_of("optInStatus") != Some("not-opted-in"));
    let regions = enabled.map(|item| Region::new(item.text_of("regionName")?).ok()).collect::<Option<Vec<_>>>()?;
    if regions.is_empty() { None } else { Some(regions) }
}

#[cfg(test)]
mod tests;
