//! Tables whose rows are replaced account by account: only the files that rows of an account's policies can be in are written
//! again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::RecordBatch;
use chrono::{DateTime, Utc};
use datafusion::catalog::TableProvider;
use futures::Stream;

use crate::error::LakeError;
use crate::lake::Lake;
use crate::session::files_provider;
use crate::table::{DataFile, Table};
use crate::writer;

/// The files of one version of a table that can hold rows of some policies in some accounts, as the log tells.
#[derive(Debug, Clone)]
pub struct AccountFiles {
    table: Table,
    files: Vec<DataFile>,
}

impl AccountFiles {
    /// How many rows these files have, as far as the log tells.
    #[must_use]
    pub fn row_count(&self) -> u64 {
        self.files.iter().filter_map(|file| file.rows).sum()
    }

    /// All rows of these files, those of other accounts among them.
    ///
    /// # Errors
    ///
    /// [`LakeError::UnknownTable`] never, as long as the table has a definition.
    pub fn rows(&self, lake: &Lake) -> Result<Arc<dyn TableProvider>, LakeError> {
        let name = self.table.name();
        files_provider(name, &self.files, &lake.schema_of(name)?)
    }
}

impl Lake {
    /// The files of `version` of a table of our own that can hold rows of these policies, by account, or `None` when that is not the newest
    /// version any more. A table that is not there has no version, and is made.
    ///
    /// # Errors
    ///
    /// [`LakeError::Table`], [`LakeError::UnknownTable`]
    pub async fn files_of_accounts(
        &self,
        table: &str,
        version: Option<u64>,
        policies: &BTreeMap<String, BTreeSet<String>>,
    ) -> Result<Option<AccountFiles>, LakeError> {
        let table = Table::create(self, table).await?;
        if !table.is_at(version) {
            return Ok(None);
        }
        let mut files = table.files()?;
        files.retain(|file| file.can_hold_of(policies));
        Ok(Some(AccountFiles { table, files }))
    }

    /// Puts `rows` in the place of all rows of `files`; the new version, or `None` when somebody else committed since that
    /// version. Rows that are sorted by account leave files of few accounts.
    ///
    /// # Errors
    ///
    /// [`LakeError::Table`] when writing fails; nothing is visible then.
    pub async fn replace_files(
        &self,
        files: AccountFiles,
        rows: impl Stream<Item = Result<RecordBatch, LakeError>> + Send,
        at: DateTime<Utc>,
    ) -> Result<Option<u64>, LakeError> {
        let AccountFiles { table, files: remove } = files;
        let add = writer::write(self, &table, std::pin::pin!(rows), &[]).await?;
        table.replace(remove, add, at).await
    }
}
