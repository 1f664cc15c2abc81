//! The lake: landing, versions, coverage, retention, and read-only SQL over all of it.

mod asset_view;
mod error;
mod history;
mod known_scopes;
mod lake;
mod landing;
mod maintain;
mod own_session;
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
mod writer;

pub use asset_view::assets_view;
pub use error::LakeError;
pub use known_scopes::KnownScope;
pub use lake::Lake;
pub use landing::{Answered, Landed, LandedScope, Landing, ScopeKey, StagedRows};
pub use maintain::Optimized;
pub use run_rows::{from_batches, to_batch};
pub use runs::{RunRow, TableVersion, snapshot_of};
pub use session::{SessionOptions, Versions, bare_session, read_only};
pub use settings::{LakeSettings, bytes};
pub use spool::Spool;
pub use sql_message::SqlMessage;
pub use table::{DataFile, Table};
