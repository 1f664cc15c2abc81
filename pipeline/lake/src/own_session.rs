//! A session over one table of our own, for what is read often: a switch, a claim.

use chrono::{DateTime, Utc};
use datafusion::prelude::SessionContext;

use crate::error::LakeError;
use crate::lake::Lake;
use crate::session::{provider, register};

impl Lake {
    /// A session over `name` alone, at `version` or, without one, its newest; a table that was never written is empty.
    ///
    /// # Errors
    ///
    /// [`LakeError::Table`] when its log cannot be read.
    pub async fn own_session(
        &self,
        name: &str,
        version: Option<u64>,
        run_at: DateTime<Utc>,
    ) -> Result<SessionContext, LakeError> {
        let ctx = self.bare(run_at)?;
        let table = match version {
            Some(version) => self.table_at(name, version).await?,
            None => self.table(name).await?,
        };
        register(&ctx, name, provider(table.as_ref(), &self.schema_of(name)?)?)?;
        Ok(ctx)
    }
}
