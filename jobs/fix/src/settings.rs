//! The `[fix]` table of the configuration. Everything is off, and every list is empty, until somebody says otherwise.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use pacbot_schemas::{AccountId, FixId, FixMode, PolicyId};
use regex::Regex;
use serde::{Deserialize, Deserializer};

use crate::windows::Window;

/// A table with keys of its own and those that `[fix]` and `[fix.policies.ID]` share.
macro_rules! with_rules {
    ($(#[$doc:meta])* $name:ident { $($own:tt)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Default, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct $name {
            $($own)*
            mode: Option<FixMode>,
            accounts: Option<BTreeSet<AccountId>>,
            #[serde(deserialize_with = "pattern")]
            names: Option<Regex>,
            #[serde(deserialize_with = "pattern")]
            except: Option<Regex>,
            warnings: Option<NonZeroU32>,
            #[serde(deserialize_with = "duration")]
            wait: Option<Duration>,
            #[serde(deserialize_with = "duration")]
            minimum_age: Option<Duration>,
            windows: Option<Vec<Window>>,
            attempts: Option<NonZeroU32>,
            #[serde(deserialize_with = "duration")]
            claim_expiry: Option<Duration>,
        }
    };
}

with_rules!(
    /// The `[fix]` table.
    FixSettings {
        /// People's own fix files.
        pub folder: Option<PathBuf>,
        /// Mail addresses of those who are told of every fix, beside the owners of the asset's groups and subscribers.
        pub recipients: Vec<String>,
        /// The role that changes accounts, where it is not the one that reads them.
        pub role: Option<String>,
        /// Whether webhooks may go to private addresses.
        pub private_webhooks: bool,
        /// How long a change may take until it shows; five minutes unless said otherwise.
        #[serde(deserialize_with = "duration")]
        pub verify_within: Option<Duration>,
        /// How many assets are changed at most.
        pub caps: Caps,
        /// What holds for one policy.
        pub policies: BTreeMap<PolicyId, RuleSettings>,
        /// Parameters of fixes.
        pub parameters: BTreeMap<FixId, BTreeMap<String, toml::Value>>,
    }
);
with_rules!(
    /// What a policy says otherwise.
    RuleSettings {}
);

/// How many assets are changed at most.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Caps {
    /// In one run.
    pub run: u32,
    /// For one policy, in a day.
    pub policy: u32,
    /// In one account, in a day.
    pub account: u32,
    /// Of the assets that one policy judges, in a day; from 0 to 1, rounded up to whole assets.
    #[serde(deserialize_with = "share")]
    pub share: f64,
}

impl Default for Caps {
    fn default() -> Self {
        Self { run: 20, policy: 10, account: 10, share: 0.1 }
    }
}

fn share<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    let share = f64::deserialize(deserializer)?;
    if (0.0..=1.0).contains(&share) { Ok(share) } else { Err(serde::de::Error::custom("`share` is from 0 to 1")) }
}

fn pattern<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Regex>, D::Error> {
    let text = String::deserialize(deserializer)?;
    Regex::new(&text).map(Some).map_err(serde::de::Error::custom)
}

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let text = String::deserialize(deserializer)?;
    humantime::parse_duration(&text).map(Some).map_err(serde::de::Error::custom)
}

/// What holds for one policy.
#[derive(Debug, Clone)]
pub struct Rules {
    /// How far its fix goes.
    pub mode: FixMode,
    /// Accounts in which it may be applied.
    pub accounts: BTreeSet<AccountId>,
    /// Only assets whose name fits.
    pub names: Option<Regex>,
    /// No assets whose name fits.
    pub except: Option<Regex>,
    /// How often people are told before.
    pub warnings: NonZeroU32,
    /// From the first warning to the fix.
    pub wait: chrono::Duration,
    /// How long an issue is open before the first warning.
    pub minimum_age: chrono::Duration,
    /// When changes may be made; always if there is none.
    pub windows: Vec<Window>,
    /// How often it is tried.
    pub attempts: NonZeroU32,
    /// After so long without a result a claim is looked into.
    pub claim_expiry: chrono::Duration,
}

const WARNINGS: NonZeroU32 = const { NonZeroU32::new(3).unwrap() };
const ATTEMPTS: NonZeroU32 = const { NonZeroU32::new(2).unwrap() };
const WAIT: Duration = Duration::from_secs(48 * 3600);
const CLAIM_EXPIRY: Duration = Duration::from_secs(3600);

impl FixSettings {
    /// What holds for a policy.
    #[must_use]
    pub fn rules(&self, policy: &PolicyId) -> Rules {
        let own = self.policies.get(policy);
        macro_rules! said {
            ($key:ident) => {
                own.and_then(|own| own.$key.clone()).or_else(|| self.$key.clone())
            };
        }
        let chrono = |time: Duration| chrono::Duration::from_std(time).unwrap_or(chrono::Duration::MAX);
        Rules {
            mode: said!(mode).unwrap_or(FixMode::Off),
            accounts: said!(accounts).unwrap_or_default(),
            names: said!(names),
            except: said!(except),
            warnings: said!(warnings).unwrap_or(WARNINGS),
            wait: chrono(said!(wait).unwrap_or(WAIT)),
            minimum_age: chrono(said!(minimum_age).unwrap_or_default()),
            windows: said!(windows).unwrap_or_default(),
            attempts: said!(attempts).unwrap_or(ATTEMPTS),
            claim_expiry: chrono(said!(claim_expiry).unwrap_or(CLAIM_EXPIRY)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_on_until_somebody_says_so() {
        let rules = FixSettings::default().rules(&PolicyId::new("aws-x").unwrap());
        assert_eq!((rules.mode, rules.accounts.len()), (FixMode::Off, 0));
    }

    #[test]
    fn a_policy_says_otherwise_than_all() {
        let text = "mode = 'dry-run'\naccounts = ['111122223333']\nwarnings = 2\n[policies.aws-x]\nmode = 'auto'\nwait = '1h'\nwindows = [{ from = '22:00', to = '04:00' }]";
        let settings: FixSettings = toml::from_str(text).unwrap();
        let rules = settings.rules(&PolicyId::new("aws-x").unwrap());
        assert_eq!((rules.mode, rules.warnings.get(), rules.windows.len()), (FixMode::Auto, 2, 1));
        assert_eq!(rules.wait, chrono::Duration::hours(1));
        assert_eq!(settings.rules(&PolicyId::new("aws-y").unwrap()).mode, FixMode::DryRun);
        for wrong in ["warnings = 0", "mode = 'on'", "caps = { share = 2 }", "names = '('", "modes = 'auto'"] {
            assert!(toml::from_str::<FixSettings>(wrong).is_err(), "{wrong}");
        }
        assert!(toml::from_str::<FixSettings>("[policies.aws-x]\nmood = 'auto'").is_err(), "an unknown key");
    }
}
