//! Tables whose rows are replaced account by account: only the files that rows of an account's policies can be in are written
//! again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::RecordBatch;
use chrono::{DateTime, Utc};
use datafusion::catalog::TableProvider;
use futures::stream::{self, BoxStream, Stream, StreamExt, TryStreamExt};

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

    /// These files in the order of their accounts, in at most `count` parts of about as many rows; one at least.
    #[must_use]
    pub fn parts(&self, count: usize) -> Vec<FilesInOrder> {
        let mut files = self.files.clone();
        files.sort_by_cached_key(|file| (file.accounts.clone(), file.policies.clone()));
        let rows = |file: &DataFile| file.rows.unwrap_or_default().max(1);
        let share = files.iter().map(rows).sum::<u64>().div_ceil(count.max(1) as u64);
        let none = FilesInOrder { name: self.table.name().to_owned(), files: Vec::new() };
        let (mut parts, mut part, mut part_rows) = (Vec::new(), none.clone(), 0);
        for file in files {
            if part_rows >= share {
                parts.push(std::mem::replace(&mut part, none.clone()));
                part_rows = 0;
            }
            part_rows += rows(&file);
            part.files.push(file);
        }
        parts.push(part);
        parts
    }
}

/// Files that are read one after the other.
#[derive(Debug, Clone)]
pub struct FilesInOrder {
    name: String,
    files: Vec<DataFile>,
}

impl FilesInOrder {
    /// No row that is sorted by account and policy has a lower one, as far as the log tells.
    #[must_use]
    pub fn first(&self) -> (&str, &str) {
        let Some(DataFile { accounts: Some((first, last)), policies, .. }) = self.files.first() else {
            return ("", "");
        };
        // The lowest policy of several accounts is not that of the first.
        let policy = policies.as_ref().filter(|_| first == last).map_or("", |(policy, _)| policy);
        (first, policy)
    }

    /// Their rows, in the order in which they were written.
    ///
    /// # Errors
    ///
    /// [`LakeError::UnknownTable`] never, as long as the table has a definition.
    pub fn rows(
        self,
        lake: &Lake,
        at: DateTime<Utc>,
    ) -> Result<impl Stream<Item = Result<RecordBatch, LakeError>> + Send + use<>, LakeError> {
        let (ctx, schema, name) = (lake.bare(at)?, lake.schema_of(&self.name)?, self.name);
        // Nor are the parts of a file read side by side.
        ctx.state_ref().write().config_mut().options_mut().execution.target_partitions = 1;
        let of_file = move |file: DataFile| {
            let (ctx, schema, name) = (ctx.clone(), schema.clone(), name.clone());
            async move {
                let failed = LakeError::query(&name);
                let rows = ctx.read_table(files_provider(&name, &[file], &schema)?).map_err(&failed)?;
                Ok(rows.execute_stream().await.map_err(&failed)?.map_err(LakeError::query(&name)))
            }
        };
        Ok(stream::iter(self.files).then(of_file).try_flatten())
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

    /// Puts the rows of `streams`, which are written side by side, in the place of all rows of `files`; the new version, or
    /// `None` when somebody else committed since that version. Rows that are sorted by account leave files of few accounts.
    ///
    /// # Errors
    ///
    /// [`LakeError::Table`] when writing fails; nothing is visible then.
    pub async fn replace_files(
        &self,
        files: AccountFiles,
        streams: Vec<BoxStream<'static, Result<RecordBatch, LakeError>>>,
        at: DateTime<Utc>,
    ) -> Result<Option<u64>, LakeError> {
        let AccountFiles { table, files: remove } = files;
        let add = writer::write_all(self, &table, streams, None).await?;
        table.replace(remove, add, at).await
    }
}
