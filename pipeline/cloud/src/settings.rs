//! The `[aws]` table of the configuration: which accounts and regions, by which roles, how fast.
//!
//! No secret stands in it: base credentials come from the default chain of the AWS SDK.

use std::fmt;
use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Duration;

use pacbot_schemas::{AccountId, Partition, Region};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use url::Url;

/// The `[aws]` table. Written out, it is what a recording needs to be replayed: what, not how, and no secret.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct AwsSettings {
    /// The partition of all accounts: `aws`, `aws-cn` or `aws-us-gov`.
    pub partition: Partition,
    /// Replaces the endpoint of every service, for emulators.
    #[serde(deserialize_with = "endpoint", skip_serializing)]
    pub endpoint: Option<Url>,
    /// The regions to read; when absent, those that each account has enabled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub regions: Option<Vec<Region>>,
    /// The profile of `~/.aws/config` with the base credentials.
    #[serde(skip_serializing)]
    pub profile: Option<String>,
    /// Accounts by name. Neither these nor an organization: the account of the base credentials.
    pub accounts: Vec<AccountSettings>,
    /// All member accounts of an organization.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organization: Option<OrganizationSettings>,
    /// Accounts that are never read, however they were found.
    pub exclude_accounts: Vec<AccountId>,
    /// The name of our sessions in the accounts' audit logs.
    #[serde(deserialize_with = "session_name", skip_serializing_if = "Option::is_none")]
    pub session_name: Option<String>,
    /// How fast and how patiently APIs are called.
    #[serde(skip_serializing)]
    pub limits: LimitSettings,
}

impl AwsSettings {
    /// The configured session name, or `pacbot`.
    #[must_use]
    pub fn session_name(&self) -> &str {
        self.session_name.as_deref().unwrap_or("pacbot")
    }

    /// Checks what single fields cannot show.
    ///
    /// # Errors
    ///
    /// [`SettingsError`] for the first contradiction.
    pub fn validate(&self) -> Result<(), SettingsError> {
        for (index, account) in self.accounts.iter().enumerate() {
            if account.id.as_str().len() != 12 || !account.id.as_str().bytes().all(|c| c.is_ascii_digit()) {
                return Err(SettingsError::NoAccountId { account: account.id.clone() });
            }
            if account.role.is_some() && account.role_arn.is_some() {
                return Err(SettingsError::TwoRoles { account: account.id.clone() });
            }
            if self.accounts.iter().take(index).any(|earlier| earlier.id == account.id) {
                return Err(SettingsError::DuplicateAccount { account: account.id.clone() });
            }
        }
        if let Some(regions) = &self.regions {
            if regions.is_empty() {
                return Err(SettingsError::NoRegion);
            }
            if regions.iter().any(Region::is_global) {
                return Err(SettingsError::GlobalRegion);
            }
        }
        Ok(())
    }
}

/// One account by name.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct AccountSettings {
    /// Its id, 12 digits.
    pub id: AccountId,
    /// What people call it; its id when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The ARN of the role to assume. Neither this nor `role`: the base credentials are of this account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role_arn: Option<String>,
    /// The name (with its path) of the role to assume in the account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// The external id that the role's trust policy asks for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_id: Option<ExternalId>,
}

/// All member accounts of an organization.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct OrganizationSettings {
    /// The name (with its path) of the role that is assumed in each member account.
    pub role: String,
    /// The external id that the roles' trust policies ask for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_id: Option<ExternalId>,
    /// A role that may list the organization's accounts; when absent, the base credentials may.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub management_role_arn: Option<String>,
    /// Member accounts that are not read.
    #[serde(default)]
    pub exclude: Vec<AccountId>,
}

/// An external id: no secret to AWS, but nobody else's business; hidden in `Debug` and where it is written out.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct ExternalId(String);

impl ExternalId {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Serialize for ExternalId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(crate::redact::REDACTED)
    }
}

impl fmt::Debug for ExternalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ExternalId(…)")
    }
}

/// How fast and how patiently APIs are called. Durations are texts such as `10s` or `500ms`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitSettings {
    /// Requests in flight, over all accounts.
    pub concurrency: NonZeroUsize,
    /// Requests a second per account, region and service, once the burst is spent. A throttled service is
    /// called more slowly for a while.
    pub requests_per_second: NonZeroU32,
    /// Requests at once per account, region and service.
    pub burst: NonZeroU32,
    /// How often a request is sent at most when the API or the network fails.
    pub max_attempts: NonZeroU32,
    /// How often a request is sent at most when the API only asks for patience.
    pub max_throttled_attempts: NonZeroU32,
    /// The first wait between attempts is random up to this; it doubles with each, up to 20 s.
    #[serde(deserialize_with = "duration")]
    pub backoff: Duration,
    /// The time for a connection, TLS included.
    #[serde(deserialize_with = "duration")]
    pub connect_timeout: Duration,
    /// The longest silence while an answer is awaited or read.
    #[serde(deserialize_with = "duration")]
    pub read_timeout: Duration,
    /// The time for one whole exchange.
    #[serde(deserialize_with = "duration")]
    pub total_timeout: Duration,
    /// The longest answer; a longer one is an error. With `concurrency`, this bounds the memory of answers.
    pub max_body_bytes: NonZeroUsize,
}

impl Default for LimitSettings {
    fn default() -> Self {
        Self {
            concurrency: const { NonZeroUsize::new(32).unwrap() },
            // EC2 allows about 100 reads at once, then 20 a second; most other APIs allow more.
            requests_per_second: const { NonZeroU32::new(20).unwrap() },
            burst: const { NonZeroU32::new(100).unwrap() },
            max_attempts: const { NonZeroU32::new(5).unwrap() },
            max_throttled_attempts: const { NonZeroU32::new(10).unwrap() },
            backoff: Duration::from_millis(500),
            connect_timeout: Duration::from_secs(10),
            read_timeout: Duration::from_secs(30),
            total_timeout: Duration::from_secs(120),
            max_body_bytes: const { NonZeroUsize::new(32 << 20).unwrap() },
        }
    }
}

/// Why the `[aws]` table contradicts itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// An account of AWS has 12 digits.
    #[error("`{account}` is no account of AWS, whose ids have 12 digits")]
    NoAccountId {
        /// What stands there.
        account: AccountId,
    },
    /// Both ways to name a role.
    #[error("account `{account}` has both `role` and `role_arn`")]
    TwoRoles {
        /// The account.
        account: AccountId,
    },
    /// One account twice.
    #[error("account `{account}` is listed twice")]
    DuplicateAccount {
        /// The account.
        account: AccountId,
    },
    /// An empty list would silently read nothing.
    #[error("`regions` is empty; leave it out to read all enabled regions")]
    NoRegion,
    /// `global` is a scope and not a region.
    #[error("`regions` holds `global`, which is always read")]
    GlobalRegion,
}

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    let duration = humantime::parse_duration(&text)
        .map_err(|_| serde::de::Error::custom(format!("`{text}` is no duration; write for example \"10s\"")))?;
    if duration.is_zero() { Err(serde::de::Error::custom("a duration of zero")) } else { Ok(duration) }
}

fn endpoint<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Url>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let url = Url::parse(&text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    let wrong = || serde::de::Error::custom(format!("`{text}` is no endpoint; write for example \"https://host:443\""));
    url.map(Some).ok_or_else(wrong)
}

/// What STS accepts as `RoleSessionName`.
fn session_name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let valid = |c: char| c.is_ascii_alphanumeric() || "_=,.@-".contains(c);
    if (2..=64).contains(&text.len()) && text.chars().all(valid) {
        Ok(Some(text))
    } else {
        Err(serde::de::Error::custom("a session name has 2 to 64 letters, digits or characters of _=,.@-"))
    }
}

#[cfg(test)]
mod tests;
