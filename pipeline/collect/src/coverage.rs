//! What a collection was answered: one row for each request of an asset type in a scope.

use std::time::Duration;

use pacbot_cloud::{CallError, CallErrorKind};
use pacbot_schemas::{AccountId, AssetType, CoverageStatus, Region, Request, Scope};

/// How one request of one asset type was answered in one scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coverage {
    /// The account.
    pub account_id: AccountId,
    /// What people call it.
    pub account_name: String,
    /// The scope's region, or `global`.
    pub region: Region,
    /// The asset type.
    pub asset_type: AssetType,
    /// The request's name in the asset type file.
    pub request: String,
    /// Whether its answer is whole.
    pub status: CoverageStatus,
    /// For `list` and parents: items that landed or were listed. For a follow-up: assets that it was
    /// answered for, "there is nothing" included.
    pub rows: u64,
    /// Assets that it was not answered for.
    pub failed_items: u64,
    /// HTTP calls, with retries.
    pub calls: u64,
    /// Pages read.
    pub pages: u64,
    /// Values of a wrong type, which are null in the table.
    pub cell_errors: u64,
    /// Items without a key, which did not land.
    pub broken_items: u64,
    /// Items that came more than once; the last one landed.
    pub duplicates: u64,
    /// The first error, in one line.
    pub error: Option<String>,
    /// The API's code for it.
    pub error_code: Option<String>,
    /// What to grant, when the call was denied.
    pub missing_permission: Option<String>,
    /// Time spent in its calls; those at the same time add up.
    pub millis: u64,
}

/// Counts what becomes one [`Coverage`].
#[derive(Debug, Clone, Default)]
pub(crate) struct Tally {
    pub(crate) rows: u64,
    pub(crate) failed_items: u64,
    pub(crate) calls: u64,
    pub(crate) pages: u64,
    pub(crate) cell_errors: u64,
    pub(crate) broken_items: u64,
    pub(crate) duplicates: u64,
    pub(crate) spent: Duration,
    pub(crate) is_skipped: bool,
    first: Option<CallError>,
    is_failed: bool,
    is_unasked: bool,
}

impl Tally {
    /// Adds the counts of `other`, which came later.
    pub(crate) fn add(&mut self, other: Self) {
        self.rows += other.rows;
        self.failed_items += other.failed_items;
        self.calls += other.calls;
        self.pages += other.pages;
        self.cell_errors += other.cell_errors;
        self.broken_items += other.broken_items;
        self.duplicates += other.duplicates;
        self.spent += other.spent;
        self.is_skipped |= other.is_skipped;
        self.is_failed |= other.is_failed;
        self.is_unasked |= self.first.is_none() && other.is_unasked;
        self.first = self.first.take().or(other.first);
    }

    /// Notes that a part was not answered.
    pub(crate) fn fail(&mut self, error: &CallError) {
        self.is_failed |= !is_denied(error);
        if self.first.is_none() {
            self.first = Some(error.clone());
        }
    }

    /// Notes that nothing was kept, since the request `other` failed.
    pub(crate) fn fail_for(&mut self, other: &str, error: &CallError) {
        let message = format!("not kept, since `{other}` failed: {}", error.message);
        self.is_unasked |= self.first.is_none();
        self.fail(&CallError { message, attempts: 0, ..error.clone() });
    }

    pub(crate) fn failure(&self) -> Option<&CallError> {
        self.first.as_ref()
    }

    /// The row of `request` in `scope`.
    pub(crate) fn coverage(self, scope: &Scope, asset_type: &AssetType, request: &Request) -> Coverage {
        let status = match &self.first {
            _ if self.is_skipped => CoverageStatus::Skipped,
            None => CoverageStatus::Complete,
            Some(_) if self.is_failed => CoverageStatus::Failed,
            Some(_) => CoverageStatus::Denied,
        };
        let lacks = self.first.as_ref().is_some_and(|error| error.kind == CallErrorKind::Denied) && !self.is_unasked;
        Coverage {
            account_id: scope.account.id.clone(),
            account_name: scope.account.name.to_string(),
            region: scope.region.clone(),
            asset_type: asset_type.clone(),
            request: request.name.clone(),
            status,
            rows: self.rows,
            failed_items: self.failed_items,
            calls: self.calls,
            pages: self.pages,
            cell_errors: self.cell_errors,
            broken_items: self.broken_items,
            duplicates: self.duplicates,
            error: self.first.as_ref().map(ToString::to_string),
            error_code: self.first.and_then(|error| error.code),
            missing_permission: lacks.then(|| request.permission.clone()),
            millis: u64::try_from(self.spent.as_millis()).unwrap_or(u64::MAX),
        }
    }
}

/// Whether the account refuses, rather than the call going wrong. An account that does not let us in is
/// refused as well, but no permission of the request would help.
pub(crate) fn is_denied(error: &CallError) -> bool {
    match error.kind {
        CallErrorKind::Denied => true,
        CallErrorKind::Credentials => error.code.as_deref().is_some_and(|code| code.starts_with("AccessDenied")),
        _ => false,
    }
}

/// An error of ours about an answer.
pub(crate) fn failure(kind: CallErrorKind, message: impl ToString) -> CallError {
    CallError { kind, code: None, message: message.to_string(), status: None, attempts: 0 }
}
