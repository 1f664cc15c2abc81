//! A row of the table `coverage`.

use chrono::{DateTime, Utc};
use pacbot_collect::Coverage;
use pacbot_lake::LandedScope;
use pacbot_schemas::{AccountId, AssetType, CoverageStatus, Region, RunId};
use serde::Serialize;

use crate::scopes::Left;

/// One request of one asset type in one scope, as the lake keeps it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct CoverageRow {
    run_id: RunId,
    collected_at: DateTime<Utc>,
    account_id: AccountId,
    account_name: String,
    region: Region,
    asset_type: AssetType,
    request: String,
    status: CoverageStatus,
    rows: u64,
    failed_items: u64,
    calls: u64,
    pages: u64,
    cell_errors: u64,
    broken_items: u64,
    duplicates: u64,
    error_code: Option<String>,
    error: Option<String>,
    missing_permission: Option<String>,
    fingerprint: Option<String>,
    /// Of other answers than whole ones, the lake looks for the last that was.
    answered_at: Option<DateTime<Utc>>,
    millis: u64,
}

impl CoverageRow {
    /// A request that was made. `landed` says what became of its scope.
    pub(crate) fn new(
        run_id: &RunId,
        collected_at: DateTime<Utc>,
        request: &Coverage,
        landed: Option<&LandedScope>,
    ) -> Self {
        let landed = landed.filter(|_| request.request == "list");
        let held = landed.and_then(|landed| Some((landed.held?, landed.rows)));
        let status = if held.is_some() { CoverageStatus::Held } else { request.status };
        Self {
            run_id: run_id.clone(),
            collected_at,
            account_id: request.account_id.clone(),
            account_name: request.account_name.clone(),
            region: request.region.clone(),
            asset_type: request.asset_type.clone(),
            request: request.request.clone(),
            status,
            rows: request.rows,
            failed_items: request.failed_items,
            calls: request.calls,
            pages: request.pages,
            cell_errors: request.cell_errors,
            broken_items: request.broken_items,
            duplicates: request.duplicates,
            error_code: request.error_code.clone(),
            error: held.map_or_else(
                || request.error.clone(),
                |(before, now)| {
                    Some(format!(
                        "{now} assets instead of {before}: held back until the next run answers the same, or `--accept-shrink`"
                    ))
                },
            ),
            missing_permission: request.missing_permission.clone(),
            fingerprint: landed.map(|landed| landed.fingerprint.clone()),
            answered_at: (status == CoverageStatus::Complete).then_some(collected_at),
            millis: request.millis,
        }
    }

    /// A request that is not made any more.
    pub(crate) fn left(run_id: &RunId, collected_at: DateTime<Utc>, left: &Left, request: &str) -> Self {
        let known = &left.known;
        Self {
            run_id: run_id.clone(),
            collected_at,
            account_id: known.account_id.clone(),
            account_name: known.account_name.clone(),
            region: known.region.clone(),
            asset_type: known.asset_type.clone(),
            request: request.to_owned(),
            status: left.status,
            rows: 0,
            failed_items: 0,
            calls: 0,
            pages: 0,
            cell_errors: 0,
            broken_items: 0,
            duplicates: 0,
            error_code: None,
            error: Some(left.why.clone()),
            missing_permission: None,
            fingerprint: None,
            answered_at: None,
            millis: 0,
        }
    }

    /// Whether it is no whole answer.
    pub(crate) fn is_gap(&self) -> bool {
        self.answered_at.is_none()
    }

    /// Whether something of it is not known.
    pub(crate) fn is_problem(&self) -> bool {
        let is_known =
            matches!(self.status, CoverageStatus::Complete | CoverageStatus::Skipped | CoverageStatus::Withdrawn);
        !is_known || self.cell_errors > 0
    }
}
