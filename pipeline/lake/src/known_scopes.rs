//! The scopes that earlier runs knew: what they asked of each asset type, and how it was answered last.

use chrono::Utc;
use datafusion::common::ScalarValue;
use pacbot_schemas::{AccountId, AssetType, CoverageStatus, Region, RunId};
use serde::Deserialize;

use crate::error::LakeError;
use crate::lake::Lake;
use crate::session::{provider, register};

/// The newest coverage of the request `list` of each asset type and scope, without what run `$run_id` wrote.
const NEWEST: &str = "
    select account_id, account_name, region, asset_type, status, fingerprint
    from (
        select
            account_id, account_name, region, asset_type, status, fingerprint,
            row_number() over (partition by account_id, region, asset_type order by collected_at desc, run_id desc) as age
        from recent_coverage
        where request = 'list' and run_id <> $run_id
    )
    where age = 1
    order by asset_type, account_id, region";

/// How an asset type was last answered in a scope.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct KnownScope {
    /// The account.
    pub account_id: AccountId,
    /// What people called it.
    pub account_name: String,
    /// The region, or `global`.
    pub region: Region,
    /// The asset type.
    pub asset_type: AssetType,
    /// How `list` was answered.
    pub status: CoverageStatus,
    /// Count and hash of the answer, if there was one.
    #[serde(default)]
    pub fingerprint: Option<String>,
}

impl Lake {
    /// The scopes of all asset types as the runs before `run_id` left them.
    ///
    /// # Errors
    ///
    /// [`LakeError::Table`] when `coverage` cannot be read.
    pub async fn known_scopes(&self, run_id: &RunId) -> Result<Vec<KnownScope>, LakeError> {
        let failed = LakeError::query("coverage");
        let ctx = self.bare(Utc::now())?;
        let table = self.table("coverage").await?;
        register(&ctx, "coverage", provider(table.as_ref(), &self.schema_of("coverage")?)?)?;
        let recent = self.recent_coverage(&ctx, Utc::now()).await.map_err(&failed)?;
        register(&ctx, "recent_coverage", recent.into_view())?;
        let run_id = ScalarValue::Utf8(Some(run_id.to_string()));
        let rows = ctx.sql(NEWEST).await.and_then(|rows| rows.with_param_values(vec![("run_id", run_id)]));
        // One row per scope and type.
        self.values(rows.map_err(&failed)?, "coverage").await
    }
}
