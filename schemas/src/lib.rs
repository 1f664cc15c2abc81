//! Names, states and shapes that every stage shares: ids, asset type files, column types, Arrow schemas.
//!
//! Pure data: nothing here reads a network, a lake or a clock.

mod asset_type;
mod column_type;
mod derived;
mod embedded;
mod fingerprint;
mod ids;
mod lake_table;
mod path;
mod pattern;
mod policy_document;
mod request;
mod source_error;
mod states;
mod template;

pub use asset_type::{
    AssetTypeDef, BACK_COLUMNS, Column, Entry, FRONT_COLUMNS, HISTORY_COLUMNS, ScopeKind, TimestampFormat, common_type,
};
pub use column_type::{ColumnType, StructField, timestamp};
pub use derived::Derived;
pub use embedded::{AssetTypes, lake_tables};
pub use fingerprint::fingerprint;
pub use ids::{Account, AccountId, AssetType, FixId, InvalidId, JobName, Partition, PolicyId, Region, RunId, Scope};
pub use lake_table::LakeTableDef;
pub use path::{Case, Path, Step};
pub use pattern::fits;
pub use policy_document::{PolicyDocumentError, normalise_policy, normalise_policy_value};
pub use request::{AnswerTable, ErrorMatch, NextPage, Per, Protocol, Request, TableEncoding};
pub use source_error::{SourceError, nearest};
pub use states::{
    Category, CoverageStatus, DeliveryState, EventKind, FixEvent, FixMode, IssueState, JobState, JobTrigger,
    PolicyStatus, RunStatus, Severity, Stage,
};
pub use template::Template;
