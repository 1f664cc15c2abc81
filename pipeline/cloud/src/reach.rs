//! An account that can be read: where its name came from and whether it is alive.

use std::sync::Arc;

use pacbot_schemas::Account;

/// One account, as [`crate::Aws::accounts`] lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reach {
    /// The account.
    pub account: Arc<Account>,
    /// Who named it.
    pub source: ReachSource,
    /// Whether it is called.
    pub status: ReachStatus,
}

/// Who named an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReachSource {
    /// The configuration.
    Configured,
    /// The organization.
    Organization,
    /// Nobody: it is the account of the base credentials.
    Base,
}

/// Whether an account is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReachStatus {
    /// It is.
    Active,
    /// Its organization has suspended or is closing it; its assets are still there, but nobody may see them.
    Suspended,
}
