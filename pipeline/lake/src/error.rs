//! Why the lake could not be read or written.

use datafusion::error::DataFusionError;
use deltalake_core::DeltaTableError;

/// Why the lake could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum LakeError {
    /// The location is no folder or URL that can be a lake.
    #[error(
        "`{location}` cannot be a lake: {reason}; use a folder, s3://BUCKET/PREFIX, az://CONTAINER/PREFIX or gs://BUCKET/PREFIX"
    )]
    Location {
        /// As configured.
        location: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The object store refused or did not answer.
    #[error("the lake at `{location}` cannot be {action}")]
    Store {
        /// As configured.
        location: String,
        /// `read` or `written`.
        action: &'static str,
        /// What it said.
        source: object_store::Error,
    },
    /// A table's log or files.
    #[error("table `{table}` cannot be {action}")]
    Table {
        /// The table.
        table: String,
        /// `read`, `written`, …
        action: &'static str,
        /// What went wrong.
        source: Box<DeltaTableError>,
    },
    /// Another writer was faster, again and again.
    #[error("table `{table}` was changed by others {attempts} times while it was being written; run again")]
    Contention {
        /// The table.
        table: String,
        /// How often we tried.
        attempts: u32,
    },
    /// A query of our own failed.
    #[error("failed to query `{table}`")]
    Query {
        /// What it read.
        table: String,
        /// What went wrong.
        source: Box<DataFusionError>,
    },
    /// Rows could not be brought into a table's shape.
    #[error("rows for table `{table}` do not fit its columns")]
    Rows {
        /// The table.
        table: String,
        /// What went wrong.
        source: arrow::error::ArrowError,
    },
    /// There is no such table.
    #[error("the lake has no table `{0}`")]
    UnknownTable(String),
    /// There is no run that one could start from.
    #[error("the lake at `{0}` holds no finished collection; run `pacbot collect` first")]
    NoSnapshot(String),
    /// There is no such run.
    #[error("the lake holds no run `{0}`")]
    UnknownRun(String),
}

impl LakeError {
    pub(crate) fn table(table: &str, action: &'static str) -> impl Fn(DeltaTableError) -> Self + use<> {
        let table = table.to_owned();
        move |source| Self::Table { table: table.clone(), action, source: Box::new(source) }
    }

    /// For `map_err`: a query over `table` failed.
    pub fn query(table: &str) -> impl Fn(DataFusionError) -> Self + use<> {
        let table = table.to_owned();
        move |source| Self::Query { table: table.clone(), source: Box::new(source) }
    }

    /// For `map_err`: rows of `table` are not what they should be.
    pub fn rows(table: &str) -> impl Fn(arrow::error::ArrowError) -> Self + use<> {
        let table = table.to_owned();
        move |source| Self::Rows { table: table.clone(), source }
    }
}
