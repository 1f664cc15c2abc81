//! Runs a policy's `.slt` file: empty tables from the type files, each policy a view named by its id.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{AsArray, RecordBatch};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use chrono::{DateTime, Utc};
use datafusion::catalog::{MemorySchemaProvider, TableProvider};
use datafusion::datasource::MemTable;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::ScalarUDF;
use datafusion::prelude::SessionContext;
use pacbot_lake::{all_assets, assets_schema, bare_session, with_text_views};
use pacbot_schemas::{AssetType, AssetTypes};
use sqllogictest::{AsyncDB, DBOutput, DefaultColumnType, Runner};

use crate::catalog::Checked;
use crate::cell::Cell;

/// What `now()` is in policy tests.
pub const TEST_TIME: &str = "2026-01-15T12:00:00Z";

/// Runs `script`, the text of the `.slt` file named `file`, against `checked`. Lines `# with NAME = VALUE` give parameters
/// other values than their defaults.
///
/// # Errors
///
/// What differs, with file and line.
pub async fn test_policy(
    checked: Arc<Checked>,
    types: Arc<AssetTypes>,
    file: &str,
    script: &str,
) -> Result<(), String> {
    let records =
        sqllogictest::parse_with_name::<DefaultColumnType>(script, file).map_err(|error| error.to_string())?;
    if !records.iter().any(|record| matches!(record, sqllogictest::Record::Query { .. })) {
        return Err(format!("{file}: asks nothing: it holds no `query`"));
    }
    let checked = Arc::new(with_values(&checked, file, script)?);
    let mut runner = Runner::new(|| {
        let (checked, types) = (checked.clone(), types.clone());
        async move { Session::new(&checked, types).await }
    });
    for record in records {
        runner.run_async(record).await.map_err(|error| error.display(false).to_string())?;
    }
    Ok(())
}

/// The policy with the values that its test gives.
fn with_values(checked: &Checked, file: &str, script: &str) -> Result<Checked, String> {
    let mut checked = checked.clone();
    for line in script.lines().filter_map(|line| line.strip_prefix("# with ")) {
        let given: toml::Table =
            toml::from_str(line).map_err(|error| format!("{file}: `# with {line}` is no TOML: {error}"))?;
        for (name, value) in given {
            let parameter = checked.policy.params.get(&name);
            let parameter = parameter.ok_or_else(|| format!("{file}: the policy has no parameter `{name}`"))?;
            let value = parameter.r#type.value(&value).map_err(|message| format!("{file}: `{name}`: {message}"))?;
            checked.values.insert(name, value);
            // Both hold the values that were.
            (checked.row, checked.optimised) = (None, None);
        }
    }
    Ok(checked)
}

struct Session {
    ctx: SessionContext,
    checked: Checked,
}

/// An engine error as the runner prints it.
#[derive(Debug)]
struct SessionError(DataFusionError);

impl Display for SessionError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.strip_backtrace())
    }
}

impl std::error::Error for SessionError {}

impl From<DataFusionError> for SessionError {
    fn from(error: DataFusionError) -> Self {
        Self(error)
    }
}

impl Session {
    async fn new(checked: &Checked, types: Arc<AssetTypes>) -> Result<Self, SessionError> {
        let external = |error: pacbot_lake::LakeError| SessionError(DataFusionError::External(Box::new(error)));
        let at: DateTime<Utc> =
            TEST_TIME.parse().map_err(|error| SessionError(DataFusionError::External(Box::new(error))))?;
        let ctx = bare_session(256 << 20, at).map_err(external)?;
        let mut tables: Vec<(AssetType, Arc<dyn TableProvider>)> = Vec::new();
        for def in types.iter() {
            let table = Arc::new(MemTable::try_new(with_text_views(&def.schema()), vec![vec![]])?);
            ctx.register_table(def.asset_type.as_str(), table.clone())?;
            tables.push((def.asset_type.clone(), table));
        }
        ctx.register_table("assets", all_assets(with_text_views(&assets_schema()), tables))?;
        ctx.register_udf(ScalarUDF::from(Cell::new(types)));
        if let Some(catalog) = ctx.catalog("datafusion") {
            catalog.register_schema("policy", Arc::new(MemorySchemaProvider::new()))?;
        }
        let view = checked.rows(&ctx, None).await?.into_view();
        ctx.register_table(datafusion::common::TableReference::partial("policy", checked.policy.id.as_str()), view)?;
        Ok(Self { ctx, checked: checked.clone() })
    }

    /// Makes sure that a policy that is judged by account finds in each account what it finds when it is given all.
    async fn try_by_account(&self) -> Result<(), SessionError> {
        let is_joined = self.checked.is_local && self.checked.is_optimised() && self.checked.row.is_none();
        if !is_joined {
            return Ok(());
        }
        let accounts =
            format!("select distinct account_id from {} where account_id is not null", self.checked.policy.asset_type);
        let mut apart = Vec::new();
        for batch in self.ctx.sql(&accounts).await?.collect().await? {
            for account in batch.column(0).as_string_view().iter().flatten() {
                let account = Arc::new(BTreeSet::from([account.to_owned()]));
                apart.extend(texts(&self.checked.rows(&self.ctx, Some(&account)).await?.collect().await?)?);
            }
        }
        let all = self.found_by(&self.checked).await?;
        apart.sort();
        if apart == all {
            return Ok(());
        }
        let message =
            format!("account by account, the policy finds {apart:?}; of all at once {all:?}: it mixes accounts");
        Err(SessionError(DataFusionError::Execution(message)))
    }

    /// Makes sure that a policy that is given some members of nested columns finds what it finds with all of them.
    async fn try_members(&self) -> Result<(), SessionError> {
        if self.checked.members.is_none() {
            return Ok(());
        }
        let (some, all) = (&self.checked, Checked { members: None, ..self.checked.clone() });
        let (some, all) = (self.found_by(some).await?, self.found_by(&all).await?);
        if some == all {
            return Ok(());
        }
        let message = format!("of the members that it names, the policy finds {some:?}; of all of them {all:?}");
        Err(SessionError(DataFusionError::Execution(message)))
    }

    async fn found_by(&self, checked: &Checked) -> Result<Vec<Vec<String>>, SessionError> {
        let mut found = texts(&checked.rows(&self.ctx, None).await?.collect().await?)?;
        found.sort();
        Ok(found)
    }
}

/// Rows as texts.
fn texts(batches: &[RecordBatch]) -> Result<Vec<Vec<String>>, SessionError> {
    let options = FormatOptions::default().with_null("NULL");
    let mut rows = Vec::new();
    for batch in batches {
        let formatters: Result<Vec<_>, _> =
            batch.columns().iter().map(|column| ArrayFormatter::try_new(column, &options)).collect();
        let formatters = formatters.map_err(DataFusionError::from)?;
        rows.extend(
            (0..batch.num_rows()).map(|row| formatters.iter().map(|column| column.value(row).to_string()).collect()),
        );
    }
    Ok(rows)
}

#[async_trait::async_trait]
impl AsyncDB for Session {
    type Error = SessionError;
    type ColumnType = DefaultColumnType;

    async fn run(&mut self, sql: &str) -> Result<DBOutput<Self::ColumnType>, SessionError> {
        let frame = self.ctx.sql(sql).await?;
        let columns = frame.schema().fields().len();
        let batches = frame.collect().await?;
        if sql.trim_start().to_ascii_lowercase().starts_with("insert") {
            return Ok(DBOutput::StatementComplete(0));
        }
        self.try_by_account().await?;
        self.try_members().await?;
        Ok(DBOutput::Rows { types: vec![DefaultColumnType::Any; columns], rows: texts(&batches)? })
    }

    async fn shutdown(&mut self) {}

    fn engine_name(&self) -> &'static str {
        "pacbot"
    }

    async fn sleep(duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}
