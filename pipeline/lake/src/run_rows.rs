//! Rows of our own tables that belong to one run: written again, they replace what the run wrote before.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::json::ReaderBuilder;
use chrono::{DateTime, Utc};
use deltalake_core::kernel::Add;
use futures::stream::BoxStream;
use futures::{Stream, StreamExt, TryStreamExt};
use pacbot_schemas::RunId;
use serde::Serialize;

use crate::error::LakeError;
use crate::lake::Lake;
use crate::table::{Change, Committed, DataFile, MADE_OF_TAG, RUN_TAG, Table};
use crate::writer;

const ATTEMPTS: u32 = 20;

/// Rows as one batch of `schema`. Times are RFC 3339 text.
///
/// # Errors
///
/// [`LakeError::Rows`] when a member does not fit its column.
pub fn to_batch<T: Serialize>(table: &str, schema: SchemaRef, rows: &[T]) -> Result<RecordBatch, LakeError> {
    let failed = LakeError::rows(table);
    let mut decoder = ReaderBuilder::new(schema.clone())
        .with_batch_size(rows.len().max(1))
        .with_strict_mode(true)
        .build_decoder()
        .map_err(&failed)?;
    decoder.serialize(rows).map_err(&failed)?;
    Ok(decoder.flush().map_err(&failed)?.unwrap_or_else(|| RecordBatch::new_empty(schema)))
}

impl Lake {
    /// Makes `rows` the rows of `run_id` (and `part`, where a run writes several times) in `table`, in one commit.
    /// Doing it again changes nothing more.
    ///
    /// # Errors
    ///
    /// [`LakeError::Table`] when writing fails; nothing is visible then.
    pub async fn replace_run_rows(
        &self,
        table: &str,
        run_id: &RunId,
        part: &str,
        rows: impl Stream<Item = Result<RecordBatch, LakeError>> + Send,
        at: DateTime<Utc>,
    ) -> Result<u64, LakeError> {
        let tag = if part.is_empty() { run_id.to_string() } else { format!("{run_id}/{part}") };
        self.replace_rows(table, &[(RUN_TAG, &tag)], rows, at).await
    }

    /// Like [`Lake::replace_run_rows`], for rows that are written side by side, in files of their own; still one commit.
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn replace_run_streams(
        &self,
        table: &str,
        run_id: &RunId,
        streams: Vec<BoxStream<'static, Result<RecordBatch, LakeError>>>,
        at: DateTime<Utc>,
    ) -> Result<u64, LakeError> {
        let pinned = Table::create(self, table).await?;
        let tag = run_id.to_string();
        let add = writer::write_all(self, &pinned, streams, Some((RUN_TAG, tag.clone()))).await?;
        self.replace_tagged_files(table, &tag, pinned, add, at).await
    }

    /// Makes `rows` those of the first of `tags`, which names a run or a part of the table, in one commit.
    async fn replace_rows(
        &self,
        table: &str,
        tags: &[(&str, &str)],
        rows: impl Stream<Item = Result<RecordBatch, LakeError>> + Send,
        at: DateTime<Utc>,
    ) -> Result<u64, LakeError> {
        let pinned = Table::create(self, table).await?;
        let add = writer::write(self, &pinned, std::pin::pin!(rows), tags).await?;
        let tag = tags.first().map(|(_, tag)| *tag).unwrap_or_default();
        self.replace_tagged_files(table, tag, pinned, add, at).await
    }

    /// Files are written once; only the commit is tried again.
    async fn replace_tagged_files(
        &self,
        table: &str,
        tag: &str,
        mut pinned: Table,
        add: Vec<Add>,
        at: DateTime<Utc>,
    ) -> Result<u64, LakeError> {
        for _ in 0..ATTEMPTS {
            let written_before = |file: &DataFile| file.tag(RUN_TAG) == Some(tag);
            let remove: Vec<_> = pinned.files()?.into_iter().filter(written_before).collect();
            if remove.is_empty() && add.is_empty() {
                return Ok(pinned.version());
            }
            match pinned.commit(Change { remove, add: add.clone(), at, data_change: true, noted: None }).await? {
                Committed::Done(version) => return Ok(version),
                Committed::Overtaken => pinned = Table::create(self, table).await?,
            }
        }
        Err(LakeError::Contention { table: table.to_owned(), attempts: ATTEMPTS })
    }

    /// Like [`Lake::replace_run_rows`], for few rows that are at hand.
    ///
    /// # Errors
    ///
    /// As there, and [`LakeError::Rows`].
    pub async fn replace_run_values<T: Serialize>(
        &self,
        table: &str,
        run_id: &RunId,
        part: &str,
        rows: &[T],
        at: DateTime<Utc>,
    ) -> Result<u64, LakeError> {
        let batch = to_batch(table, self.schema_of(table)?, rows)?;
        self.replace_run_rows(table, run_id, part, futures::stream::iter([Ok(batch)]), at).await
    }

    /// Like [`Lake::replace_run_rows`], for rows that belong to something else than a run, for example a day. `made_of`
    /// tells what they are made of, for [`Lake::rows_made_of`].
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn replace_made_rows(
        &self,
        table: &str,
        tag: &str,
        made_of: &str,
        rows: impl Stream<Item = Result<RecordBatch, LakeError>> + Send,
        at: DateTime<Utc>,
    ) -> Result<u64, LakeError> {
        self.replace_rows(table, &[(RUN_TAG, tag), (MADE_OF_TAG, made_of)], rows, at).await
    }

    /// How many rows of `tag` there are, if they were written as made of `made_of`. Rows that are none leave no trace.
    ///
    /// # Errors
    ///
    /// [`LakeError::Table`]
    pub async fn rows_made_of(&self, table: &str, tag: &str, made_of: &str) -> Result<Option<u64>, LakeError> {
        let Some(table) = self.table(table).await? else { return Ok(None) };
        let has = |file: &DataFile, name: &str, value: &str| file.tag(name) == Some(value);
        let mut files = table.files()?;
        files.retain(|file| has(file, RUN_TAG, tag));
        let is_same = !files.is_empty() && files.iter().all(|file| has(file, MADE_OF_TAG, made_of));
        Ok(is_same.then(|| files.iter().filter_map(|file| file.rows).sum()))
    }

    /// Commits `rows` on top of `version` of `table`, or `None` when somebody else committed since: what was
    /// decided from that version must be decided again. `overwrite` takes out what was there.
    ///
    /// # Errors
    ///
    /// [`LakeError::Table`]
    pub async fn commit_on(
        &self,
        table: &str,
        version: Option<u64>,
        rows: impl Stream<Item = Result<RecordBatch, LakeError>> + Send,
        overwrite: bool,
        at: DateTime<Utc>,
    ) -> Result<Option<u64>, LakeError> {
        let pinned = Table::create(self, table).await?;
        if !pinned.is_at(version) {
            return Ok(None);
        }
        let remove = if overwrite { pinned.files()? } else { Vec::new() };
        let add = writer::write(self, &pinned, std::pin::pin!(rows), &[]).await?;
        pinned.replace(remove, add, at).await
    }

    /// Like [`Lake::commit_on`] for streams that are written side by side, beside what was there.
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn append_on(
        &self,
        table: &str,
        version: Option<u64>,
        streams: Vec<BoxStream<'static, Result<RecordBatch, LakeError>>>,
        at: DateTime<Utc>,
    ) -> Result<Option<u64>, LakeError> {
        let pinned = Table::create(self, table).await?;
        if !pinned.is_at(version) {
            return Ok(None);
        }
        let add = writer::write_all(self, &pinned, streams, None).await?;
        pinned.replace(Vec::new(), add, at).await
    }

    /// All rows of a small table's query, as JSON objects.
    pub(crate) async fn values<T: serde::de::DeserializeOwned>(
        &self,
        frame: datafusion::prelude::DataFrame,
        table: &str,
    ) -> Result<Vec<T>, LakeError> {
        let failed = LakeError::query(table);
        let batches: Vec<RecordBatch> = frame
            .execute_stream()
            .await
            .map_err(&failed)?
            .map(|batch| batch.map_err(LakeError::query(table)))
            .try_collect()
            .await?;
        from_batches(table, &batches)
    }
}

/// Batches as values: members by column name, null columns left out, times as RFC 3339 text.
///
/// # Errors
///
/// [`LakeError::Rows`] when a row does not fit `T`.
pub fn from_batches<T: serde::de::DeserializeOwned>(table: &str, batches: &[RecordBatch]) -> Result<Vec<T>, LakeError> {
    let failed = LakeError::rows(table);
    let mut writer = arrow::json::ArrayWriter::new(Vec::new());
    writer.write_batches(&batches.iter().collect::<Vec<_>>()).map_err(&failed)?;
    writer.finish().map_err(&failed)?;
    let json = writer.into_inner();
    if json.is_empty() {
        return Ok(Vec::new());
    }
    serde_json::from_slice(&json).map_err(|error| failed(arrow::error::ArrowError::JsonError(error.to_string())))
}
