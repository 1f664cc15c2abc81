//! The credentials of one account: fetched when first needed, renewed before they expire.
//!
//! Calls that need them at once fetch them once. A failure is kept for a minute, so that an account that
//! cannot be assumed costs one request and not one for each of its calls.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use chrono::DateTime;
use futures::future::BoxFuture;
use http::Method;
use pacbot_schemas::{AccountId, Protocol};
use tokio::sync::{OnceCell, Semaphore};
use tracing::{debug, warn};

use crate::caller::Caller;
use crate::error::{CallError, CallErrorKind, with_causes};
use crate::keyring::base_endpoint;
use crate::request::{Answer, ApiRequest};
use crate::settings::{AwsSettings, ExternalId};
use crate::transport::CallLabel;
use crate::xml::Element;

/// Credentials are renewed so long before they expire, or at half their life if that is shorter.
const RENEW_BEFORE: Duration = Duration::from_secs(300);
const FAILURE_KEPT: Duration = Duration::from_secs(60);

/// The credentials of one account.
#[derive(Debug)]
pub(crate) struct AccountCredentials {
    source: Source,
    /// Whoever fetches holds it; the others wait and find the result.
    flight: Semaphore,
    state: Mutex<State>,
}

/// Where credentials come from.
#[derive(Debug)]
pub(crate) enum Source {
    /// The default chain or what the executable was given.
    Base(SharedCredentialsProvider),
    /// The base credentials, if they are of this account.
    Own { base: Arc<Base>, account: AccountId },
    /// A role that the base credentials assume.
    Role(Role),
}

/// A role in an account.
#[derive(Debug)]
pub(crate) struct Role {
    pub(crate) base: Arc<Base>,
    pub(crate) account: AccountId,
    pub(crate) arn: String,
    pub(crate) external_id: Option<ExternalId>,
    pub(crate) session_name: String,
    /// In the account of the base credentials, these do where the role is missing. An organization's
    /// management account has no such role in itself.
    pub(crate) or_own: bool,
}

/// The base credentials, and STS to ask whose they are.
#[derive(Debug)]
pub(crate) struct Base {
    pub(crate) credentials: AccountCredentials,
    pub(crate) label: CallLabel,
    pub(crate) settings: Arc<AwsSettings>,
    pub(crate) identity: OnceCell<AccountId>,
}

#[derive(Default)]
struct State {
    held: Option<Held>,
    failed: Option<(Duration, CallError)>,
}

struct Held {
    credentials: Credentials,
    renew_at: Option<SystemTime>,
}

/// Nothing of the state may reach a log.
impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State").field("held", &self.held.is_some()).field("failed", &self.failed).finish()
    }
}

impl AccountCredentials {
    pub(crate) fn new(source: Source) -> Self {
        Self { source, flight: Semaphore::new(1), state: Mutex::default() }
    }

    /// Valid credentials.
    pub(crate) async fn get(&self, caller: &Caller) -> Result<Credentials, CallError> {
        if let Some(known) = self.known(caller) {
            return known;
        }
        let _flight = self.flight.acquire().await;
        if let Some(known) = self.known(caller) {
            return known;
        }
        let fetched = self.fetch(caller).await;
        let now = caller.clock.now();
        let mut state = self.lock();
        match fetched {
            Ok(credentials) => {
                let renew_at = credentials.expiry().map(|expiry| {
                    let life = expiry.duration_since(now).unwrap_or_default();
                    expiry - RENEW_BEFORE.min(life / 2)
                });
                *state = State { held: Some(Held { credentials: credentials.clone(), renew_at }), failed: None };
                Ok(credentials)
            }
            Err(error) => {
                state.failed = Some((caller.clock.steady() + FAILURE_KEPT, error.clone()));
                match state.unexpired(now) {
                    Some(credentials) => {
                        warn!(%error, "failed to renew credentials that are still valid");
                        Ok(credentials)
                    }
                    None => Err(error),
                }
            }
        }
    }

    /// Drops credentials that an API called expired, unless others have renewed them already.
    pub(crate) fn discard(&self, access_key_id: &str) {
        let mut state = self.lock();
        if state.held.as_ref().is_some_and(|held| held.credentials.access_key_id() == access_key_id) {
            state.held = None;
        }
    }

    /// Makes the next [`Self::get`] try again after a failure.
    pub(crate) fn forget_failure(&self) {
        self.lock().failed = None;
    }

    fn known(&self, caller: &Caller) -> Option<Result<Credentials, CallError>> {
        let now = caller.clock.now();
        let state = self.lock();
        if let Some(held) = state.held.as_ref().filter(|held| held.renew_at.is_none_or(|at| now < at)) {
            return Some(Ok(held.credentials.clone()));
        }
        let (_, error) = state.failed.as_ref().filter(|(until, _)| caller.clock.steady() < *until)?;
        Some(state.unexpired(now).ok_or_else(|| error.clone()))
    }

    /// Boxed, since this recurs: assuming a role is a call, and calls need credentials.
    fn fetch<'a>(&'a self, caller: &'a Caller) -> BoxFuture<'a, Result<Credentials, CallError>> {
        match &self.source {
            Source::Base(provider) => Box::pin(async {
                provider.provide_credentials().await.map_err(|error| {
                    CallError::new(CallErrorKind::Credentials, format!("no base credentials: {}", with_causes(&error)))
                })
            }),
            Source::Own { base, account } => Box::pin(base.of(account, caller)),
            Source::Role(role) => Box::pin(role.assume(caller)),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn unexpired(&self, now: SystemTime) -> Option<Credentials> {
        let held = self.held.as_ref()?;
        held.credentials.expiry().is_none_or(|expiry| now < expiry).then(|| held.credentials.clone())
    }
}

impl Base {
    /// The account of the base credentials.
    pub(crate) async fn identity(&self, caller: &Caller) -> Result<AccountId, CallError> {
        let ask = || async {
            let answer = self.sts(caller, self.label.clone(), "GetCallerIdentity", Vec::new()).await?;
            let document = Element::parse(&answer.body);
            document
                .as_ref()
                .and_then(|document| AccountId::new(document.find("Account")?.text.trim()).ok())
                .ok_or_else(|| CallError::new(CallErrorKind::NotAnApi, "`sts:GetCallerIdentity` names no account"))
        };
        self.identity.get_or_try_init(ask).await.cloned()
    }

    /// The base credentials, if they are of `account`: else its name would stand on another's assets.
    async fn of(&self, account: &AccountId, caller: &Caller) -> Result<Credentials, CallError> {
        let own = self.identity(caller).await;
        let own = own.map_err(|error| without_credentials("the account of the base credentials is unknown", error))?;
        if own == *account {
            return self.credentials.get(caller).await;
        }
        let message = format!("account `{account}` has no role, and the base credentials are of account `{own}`");
        Err(CallError::new(CallErrorKind::Credentials, message))
    }

    async fn sts(
        &self,
        caller: &Caller,
        label: CallLabel,
        operation: &str,
        params: Vec<(String, String)>,
    ) -> Result<Answer, CallError> {
        let request = ApiRequest {
            service: "sts".into(),
            endpoint: "sts".into(),
            protocol: Protocol::Query,
            api_version: Some("2011-06-15".into()),
            target_prefix: None,
            operation: operation.into(),
            method: Method::POST,
            uri: "/".into(),
            params,
            body: None,
            link: None,
        };
        let label = CallLabel { service: "sts".into(), operation: operation.into(), ..label };
        let endpoint = base_endpoint(&self.settings, "sts")?;
        caller.call(&label, &endpoint, &request, &self.credentials).await
    }
}

impl Role {
    async fn assume(&self, caller: &Caller) -> Result<Credentials, CallError> {
        let mut params =
            vec![("RoleArn".to_owned(), self.arn.clone()), ("RoleSessionName".to_owned(), self.session_name.clone())];
        if let Some(id) = &self.external_id {
            params.push(("ExternalId".to_owned(), id.as_str().to_owned()));
        }
        let label = CallLabel { account: self.account.clone(), ..self.base.label.clone() };
        let answer = match self.base.sts(caller, label, "AssumeRole", params).await {
            Ok(answer) => answer,
            Err(error) if self.or_own && error.kind == CallErrorKind::Denied => {
                return match self.base.of(&self.account, caller).await {
                    Ok(credentials) => Ok(credentials),
                    Err(_) => Err(self.not_assumed(error)),
                };
            }
            Err(error) => return Err(self.not_assumed(error)),
        };
        debug!(account = %self.account, role = self.arn, "assumed role");
        parse(&answer.body)
            .ok_or_else(|| self.not_assumed(CallError::new(CallErrorKind::NotAnApi, "the answer holds no credentials")))
    }

    fn not_assumed(&self, error: CallError) -> CallError {
        without_credentials(&format!("role `{}` cannot be assumed", self.arn), error)
    }
}

/// The error of a call for credentials, as the error of the calls that need them.
fn without_credentials(what: &str, error: CallError) -> CallError {
    let kind = match error.kind {
        CallErrorKind::NotRecorded => CallErrorKind::NotRecorded,
        _ => CallErrorKind::Credentials,
    };
    let message = format!("{what}: {}", error.message);
    CallError { kind, message, ..error }
}

/// The credentials of an `AssumeRole` answer.
fn parse(body: &[u8]) -> Option<Credentials> {
    let document = Element::parse(body)?;
    let found = document.find("Credentials")?;
    let expiry = found.text_of("Expiration").and_then(|text| DateTime::parse_from_rfc3339(text).ok())?;
    Some(Credentials::new(
        found.text_of("AccessKeyId")?,
        found.text_of("SecretAccessKey")?,
        Some(found.text_of("SessionToken")?.to_owned()),
        Some(expiry.into()),
        "pacbot",
    ))
}

#[cfg(test)]
mod tests;
