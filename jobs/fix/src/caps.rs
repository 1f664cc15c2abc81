//! Caps: how many assets are changed at most, whatever is due.

use std::collections::BTreeMap;
use std::fmt;

use pacbot_schemas::{AccountId, PolicyId};

use crate::settings::Caps;

/// What was claimed already: in this run, and in the last day.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Spent {
    /// In this run.
    pub run: u64,
    /// In the last day, by policy.
    pub policies: BTreeMap<PolicyId, u64>,
    /// In the last day, by account.
    pub accounts: BTreeMap<AccountId, u64>,
}

/// Which cap is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cap {
    /// Of the run.
    Run(u64),
    /// Of the policy.
    Policy(u64),
    /// Of the account.
    Account(u64),
    /// Of the policy's assets.
    Share(u64),
}

impl fmt::Display for Cap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Run(cap) => write!(f, "the cap of {cap} in a run is reached"),
            Self::Policy(cap) => write!(f, "the cap of {cap} for a policy in a day is reached"),
            Self::Account(cap) => write!(f, "the cap of {cap} in an account in a day is reached"),
            Self::Share(cap) => write!(f, "the cap of {cap} of the policy's assets in a day is reached"),
        }
    }
}

impl Spent {
    /// Takes one change of `policy`, which judges `assets`, in `account`.
    ///
    /// # Errors
    ///
    /// The cap that is reached; nothing is taken then.
    pub fn take(&mut self, policy: &PolicyId, account: &AccountId, assets: u64, caps: &Caps) -> Result<(), Cap> {
        let of_policy = self.policies.get(policy).copied().unwrap_or_default();
        let of_account = self.accounts.get(account).copied().unwrap_or_default();
        let share = share_of(assets, caps.share);
        if self.run >= u64::from(caps.run) {
            return Err(Cap::Run(caps.run.into()));
        }
        if of_policy >= u64::from(caps.policy) {
            return Err(Cap::Policy(caps.policy.into()));
        }
        if of_account >= u64::from(caps.account) {
            return Err(Cap::Account(caps.account.into()));
        }
        if of_policy >= share {
            return Err(Cap::Share(share));
        }
        self.run += 1;
        *self.policies.entry(policy.clone()).or_default() += 1;
        *self.accounts.entry(account.clone()).or_default() += 1;
        Ok(())
    }
}

/// A share of some assets, rounded up: a small estate is fixed too, one by one.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "both are small, and not negative"
)]
fn share_of(assets: u64, share: f64) -> u64 {
    (assets as f64 * share).ceil() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(id: &str) -> PolicyId {
        PolicyId::new(id).unwrap()
    }

    #[test]
    fn each_cap_holds() {
        let account = |id: &str| AccountId::new(id).unwrap();
        let caps = Caps { run: 4, policy: 2, account: 3, share: 0.01 };
        let mut spent = Spent::default();
        assert_eq!(spent.take(&policy("a"), &account("1"), 150, &caps), Ok(()));
        assert_eq!(spent.take(&policy("a"), &account("1"), 150, &caps), Ok(()));
        assert_eq!(spent.take(&policy("a"), &account("2"), 150, &caps), Err(Cap::Policy(2)));
        assert_eq!(spent.take(&policy("b"), &account("1"), 5, &caps), Ok(()));
        assert_eq!(spent.take(&policy("b"), &account("2"), 5, &caps), Err(Cap::Share(1)));
        assert_eq!(spent.take(&policy("c"), &account("1"), 500, &caps), Err(Cap::Account(3)));
        assert_eq!(spent.take(&policy("c"), &account("2"), 500, &caps), Ok(()));
        assert_eq!(spent.take(&policy("d"), &account("3"), 500, &caps), Err(Cap::Run(4)));
        assert_eq!(
            Spent::default().take(&policy("e"), &account("1"), 0, &caps),
            Err(Cap::Share(0)),
            "nobody judged it"
        );
    }
}
