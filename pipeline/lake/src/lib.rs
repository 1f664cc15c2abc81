//! The lake: landing, versions, coverage, retention, and read-only SQL over all of it.

mod all_assets;
mod asset_view;
mod error;
mod exception;
mod exceptions;
mod group;
mod groups;
mod history;
mod journal;
mod known_scopes;
mod lake;
mod landing;
mod maintain;
mod predicate;
mod run_rows;
mod run_time;
mod runs;
mod session;
mod session_store;
mod settings;
mod spool;
mod sql_message;
mod storage;
mod table;
mod units;
mod writer;

pub use all_assets::{all_assets, assets_schema};
pub use error::LakeError;
pub use exception::{Exception, ExceptionEvent, ExceptionRow, ExceptionScope, ExceptionState, Period, PeriodError};
pub use exceptions::{ExceptionChange, ExceptionDraft, ExceptionError, ExceptionRules, Exceptions, covered_issues};
pub use group::{Group, Origin, Owner};
pub use groups::{GroupError, Groups};
pub use journal::JournalRow;
pub use known_scopes::KnownScope;
pub use lake::Lake;
pub use landing::{Answered, Landed, LandedScope, Landing, ScopeKey, StagedRows};
pub use maintain::Optimized;
pub use predicate::{MEMBER_COLUMNS, Predicate, PredicateError};
pub use run_rows::{from_batches, to_batch};
pub use run_time::{RUN_TIME_FUNCTIONS, unknown_run_time};
pub use runs::{RunRow, TableVersion, snapshot_of};
pub use session::{SessionOptions, Versions, bare_session, read_only, session_over};
pub use settings::{LakeSettings, bytes};
pub use spool::Spool;
pub use sql_message::SqlMessage;
pub use table::{DataFile, Table};

/// The state of each issue, as SQL over `issue_events` that yields the columns of `issues`.
pub const FOLD_ISSUES: &str = include_str!("fold_issues.sql");
