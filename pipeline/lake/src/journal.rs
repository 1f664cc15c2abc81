//! Tables of ours that people append to: small, numbered, never edited. What holds now is what the rows fold to.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::LakeError;
use crate::lake::Lake;
use crate::run_rows::to_batch;
use crate::session::{provider, register};

/// Writers that overtake each other decide again this often.
pub(crate) const ATTEMPTS: u32 = 20;

/// A row that a journal holds.
pub trait JournalRow: Serialize + DeserializeOwned {
    /// The table.
    const TABLE: &'static str;
    /// Its number.
    fn sequence(&self) -> i64;
}

impl Lake {
    /// All rows of a journal up to `at`, in order.
    ///
    /// # Errors
    ///
    /// [`LakeError::Table`]
    pub async fn journal<T: JournalRow>(&self, at: DateTime<Utc>) -> Result<Vec<T>, LakeError> {
        Ok(self.journal_at(at).await?.0)
    }

    async fn journal_at<T: JournalRow>(&self, at: DateTime<Utc>) -> Result<(Vec<T>, Option<u64>), LakeError> {
        let failed = LakeError::query(T::TABLE);
        let Some(table) = self.table(T::TABLE).await? else { return Ok((Vec::new(), None)) };
        let ctx = self.bare(at)?;
        register(&ctx, "journal", provider(Some(&table), &self.schema_of(T::TABLE)?)?)?;
        let rows = ctx.sql("select * from journal where at <= now() order by sequence").await.map_err(failed)?;
        Ok((self.values(rows, T::TABLE).await?, Some(table.version())))
    }

    /// Appends what `decide` says of the rows so far and the next number. Who was overtaken decides again. Yields
    /// what was appended.
    ///
    /// # Errors
    ///
    /// What `decide` says; [`LakeError::Contention`] when others were always faster. Nothing was appended then.
    pub async fn append<T: JournalRow, E: From<LakeError>>(
        &self,
        at: DateTime<Utc>,
        decide: impl Fn(&[T], i64) -> Result<Vec<T>, E>,
    ) -> Result<Vec<T>, E> {
        for _ in 0..ATTEMPTS {
            // Rows with a later time are there too: somebody else's clock may be ahead.
            let (rows, version) = self.journal_at::<T>(DateTime::<Utc>::MAX_UTC.min(far(at))).await?;
            let next = rows.last().map_or(1, |row| row.sequence() + 1);
            let added = decide(&rows, next)?;
            if added.is_empty() {
                return Ok(added);
            }
            let batch = to_batch(T::TABLE, self.schema_of(T::TABLE)?, &added)?;
            let stream = futures::stream::iter([Ok(batch)]);
            if self.commit_on(T::TABLE, version, stream, false, at).await?.is_some() {
                return Ok(added);
            }
        }
        Err(LakeError::Contention { table: T::TABLE.to_owned(), attempts: ATTEMPTS }.into())
    }
}

/// Later than any clock will say.
fn far(at: DateTime<Utc>) -> DateTime<Utc> {
    at.checked_add_days(chrono::Days::new(36_500)).unwrap_or(at)
}
