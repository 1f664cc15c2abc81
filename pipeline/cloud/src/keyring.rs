//! Which credentials belong to which account: by its own role, by the organization's, or the base's own.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use aws_credential_types::provider::SharedCredentialsProvider;
use pacbot_schemas::{AccountId, Region};
use tokio::sync::OnceCell;

use crate::credentials::{AccountCredentials, Base, Role, Source};
use crate::endpoint::{Endpoint, resolve};
use crate::error::CallError;
use crate::settings::{AwsSettings, ExternalId};
use crate::transport::CallLabel;

/// The label's account where only the base credentials are known. Letters, so that no account has this id.
const BASE: &str = "base";

/// All credentials of one [`crate::Aws`].
#[derive(Debug)]
pub(crate) struct Keyring {
    pub(crate) base: Arc<Base>,
    settings: Arc<AwsSettings>,
    accounts: Mutex<HashMap<AccountId, Arc<AccountCredentials>>>,
}

impl Keyring {
    pub(crate) fn new(settings: Arc<AwsSettings>, provider: SharedCredentialsProvider) -> Self {
        let base = Base {
            credentials: AccountCredentials::new(Source::Base(provider)),
            label: base_label("sts", ""),
            settings: settings.clone(),
            identity: OnceCell::new(),
        };
        Self { base: Arc::new(base), settings, accounts: Mutex::default() }
    }

    /// The credentials of an account; nothing is fetched yet.
    pub(crate) fn of(&self, account: &AccountId) -> Arc<AccountCredentials> {
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        let make = || Arc::new(AccountCredentials::new(self.source(account)));
        accounts.entry(account.clone()).or_insert_with(make).clone()
    }

    /// The credentials that list the organization's accounts, and the account that they are of.
    pub(crate) fn management(&self) -> (Option<Arc<AccountCredentials>>, CallLabel) {
        let arn =
            self.settings.organization.as_ref().and_then(|organization| organization.management_role_arn.as_ref());
        let Some(arn) = arn else { return (None, self.base.label.clone()) };
        let account = arn.split(':').nth(4).and_then(|id| AccountId::new(id).ok());
        let account = account.unwrap_or_else(|| self.base.label.account.clone());
        let label = CallLabel { account: account.clone(), ..self.base.label.clone() };
        let role = self.role(&account, arn.clone(), None, false);
        (Some(Arc::new(AccountCredentials::new(Source::Role(role)))), label)
    }

    fn source(&self, account: &AccountId) -> Source {
        let settings = &self.settings;
        let in_account = |name: &str| {
            format!("arn:{}:iam::{account}:role/{}", settings.partition.as_str(), name.trim_start_matches('/'))
        };
        if let Some(configured) = settings.accounts.iter().find(|configured| configured.id == *account) {
            let arn = configured.role_arn.clone().or_else(|| configured.role.as_deref().map(in_account));
            return match arn {
                Some(arn) => Source::Role(self.role(account, arn, configured.external_id.clone(), false)),
                None => Source::Own { base: self.base.clone(), account: account.clone() },
            };
        }
        match &settings.organization {
            Some(organization) => {
                let arn = in_account(&organization.role);
                Source::Role(self.role(account, arn, organization.external_id.clone(), true))
            }
            None => Source::Own { base: self.base.clone(), account: account.clone() },
        }
    }

    fn role(&self, account: &AccountId, arn: String, external_id: Option<ExternalId>, or_own: bool) -> Role {
        Role {
            base: self.base.clone(),
            account: account.clone(),
            arn,
            external_id,
            session_name: self.settings.session_name().to_owned(),
            or_own,
        }
    }
}

/// The label of what is asked before any account is known.
#[expect(clippy::expect_used, reason = "a constant, and a test builds it")]
pub(crate) fn base_label(service: &str, operation: &str) -> CallLabel {
    let account = AccountId::new(BASE).expect("letters are an account id");
    CallLabel { account, region: Region::global(), service: service.into(), operation: operation.into() }
}

/// The endpoint of a service that is asked before any account is known.
pub(crate) fn base_endpoint(settings: &AwsSettings, prefix: &str) -> Result<Endpoint, CallError> {
    let account = base_label(prefix, "").account;
    resolve(settings.partition, settings.endpoint.as_ref(), prefix, &Region::global(), &account)
}
