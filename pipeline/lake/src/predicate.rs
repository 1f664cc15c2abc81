//! A predicate that a person wrote: one SQL expression over the columns of a table, and the assets that it holds for.
//!
//! It is parsed as an expression and nothing else, so it cannot read other tables or write. Null is not true.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::datasource::empty::EmptyTable;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{Expr, ExprSchemable, lit};
use datafusion::prelude::{DataFrame, SessionContext};
use pacbot_schemas::{AssetTypes, nearest};
use serde::{Deserialize, Serialize};

use crate::all_assets::{ASSETS, assets_schema};
use crate::session::bare_session;
use crate::sql_message::SqlMessage;

/// What a predicate yields of each asset.
pub const MEMBER_COLUMNS: [&str; 4] = ["asset_type", "asset_id", "account_id", "region"];

/// An expression and the table whose columns it reads: an asset type, or `assets`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Predicate {
    /// The table.
    #[serde(default = "all")]
    pub on: String,
    /// The expression; without it, all assets of the table.
    #[serde(rename = "where", default = "everything")]
    pub text: String,
}

fn all() -> String {
    ASSETS.to_owned()
}

fn everything() -> String {
    "true".to_owned()
}

/// Why a predicate cannot be asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PredicateError {
    /// There is no such table.
    #[error("`{table}` is no asset type, and not `assets`{}", meant(.near.as_deref()))]
    UnknownTable {
        /// As written.
        table: String,
        /// What was probably meant.
        near: Option<String>,
    },
    /// The expression makes no sense.
    #[error("`{text}` cannot be asked of `{table}`: {message}")]
    Expression {
        /// The table.
        table: String,
        /// The expression.
        text: String,
        /// What the engine says.
        message: String,
    },
}

fn meant(near: Option<&str>) -> String {
    near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default()
}

impl Predicate {
    /// A predicate over the common columns of all assets.
    #[must_use]
    pub fn of_assets(text: impl Into<String>) -> Self {
        Self { on: all(), text: text.into() }
    }

    /// The assets that it holds for: [`MEMBER_COLUMNS`], in any order. `ctx` holds the tables.
    ///
    /// # Errors
    ///
    /// [`PredicateError`] when it is no expression over those columns that is true or false.
    pub async fn frame(&self, ctx: &SessionContext) -> Result<DataFrame, PredicateError> {
        self.frame_of(ctx, &self.on).await
    }

    /// Like [`Self::frame`], of another table with the same columns, for example `<table>_history`.
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn frame_of(&self, ctx: &SessionContext, table: &str) -> Result<DataFrame, PredicateError> {
        let failed = |error: &DataFusionError| self.failed(error);
        let frame = ctx.table(table).await.map_err(|error| failed(&error))?;
        let expression = ctx.parse_sql_expr(&self.text, frame.schema()).map_err(|error| failed(&error))?;
        match expression.get_type(frame.schema()) {
            Ok(DataType::Boolean | DataType::Null) => {}
            Ok(other) => return Err(self.wrong(format!("it is {other}, not true or false"))),
            Err(error) => return Err(failed(&error)),
        }
        let columns = MEMBER_COLUMNS.map(|name| match name {
            "asset_type" if self.on != ASSETS => lit(self.on.as_str()).alias(name),
            name => Expr::Column(name.into()),
        });
        let rows = frame.filter(expression).and_then(|frame| frame.select(columns.to_vec()));
        rows.map_err(|error| failed(&error))
    }

    /// Makes sure that it can be asked, of tables without rows.
    ///
    /// # Errors
    ///
    /// [`PredicateError`]
    pub async fn check(&self, types: &AssetTypes) -> Result<(), PredicateError> {
        let ctx = bare_session(1 << 20, chrono::Utc::now()).map_err(|error| self.wrong(error.to_string()))?;
        if self.on == ASSETS {
            let empty = Arc::new(EmptyTable::new(assets_schema()));
            ctx.register_table(ASSETS, empty).map_err(|error| self.failed(&error))?;
        } else {
            let def = types.get(&self.on).filter(|def| def.asset_type.as_str() == self.on);
            let def = def.ok_or_else(|| self.unknown(types))?;
            let empty = Arc::new(EmptyTable::new(def.schema()));
            ctx.register_table(self.on.as_str(), empty).map_err(|error| self.failed(&error))?;
        }
        self.frame(&ctx).await.map(drop)
    }

    fn unknown(&self, types: &AssetTypes) -> PredicateError {
        let near = nearest(&self.on, types.iter().map(|def| def.asset_type.as_str()).chain([ASSETS]));
        PredicateError::UnknownTable { table: self.on.clone(), near: near.map(str::to_owned) }
    }

    fn failed(&self, error: &DataFusionError) -> PredicateError {
        let SqlMessage { text, .. } = SqlMessage::new(error, std::iter::empty());
        self.wrong(text)
    }

    fn wrong(&self, message: String) -> PredicateError {
        PredicateError::Expression { table: self.on.clone(), text: self.text.clone(), message }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn told(on: &str, text: &str) -> String {
        let predicate = Predicate { on: on.to_owned(), text: text.to_owned() };
        match predicate.check(&AssetTypes::embedded().unwrap()).await {
            Ok(()) => "ok".to_owned(),
            Err(error) => error.to_string(),
        }
    }

    #[tokio::test]
    async fn only_expressions_over_the_tables_own_columns_pass() {
        assert_eq!(told("assets", "tags['Application'] = 'shop' and account_id in ('1', '2')").await, "ok");
        assert_eq!(told("aws_s3_bucket", "not versioning_enabled and name like 'log-%'").await, "ok");
        assert_eq!(told("assets", "first_seen_at > now() - interval '7 days'").await, "ok");
        let wrong = told("aws_s3_bukket", "true").await;
        assert!(wrong.ends_with("did you mean `aws_s3_bucket`?"), "{wrong}");
        for text in [
            "acount_id = '1'",
            "name",
            "true) or (true",
            "true; drop table assets",
            "asset_id in (select asset_id from runs)",
            "",
        ] {
            let wrong = told("assets", text).await;
            assert!(wrong.starts_with(&format!("`{text}` cannot be asked of `assets`: ")), "{wrong}");
        }
    }
}
