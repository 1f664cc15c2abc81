//! `<table>_history`: every state in which each asset was landed, gone ones included.
//!
//! Reads the files of the pinned version and those that earlier versions held, as long as vacuum keeps them.
//! A row that was only copied from file to file stands once. `seen_until` is null for what is current.

use std::sync::Arc;

use arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::catalog::TableProvider;
use datafusion::common::ScalarValue;
use datafusion::datasource::ViewTable;
use datafusion::functions_window::expr_fn::row_number;
use datafusion::logical_expr::{Expr, ExprFunctionExt, LogicalPlanBuilder};
use datafusion::prelude::{SessionContext, col, lit};
use pacbot_schemas::timestamp;

use crate::error::LakeError;
use crate::session::{files_provider, provider};
use crate::table::{DataFile, Table};

pub(crate) async fn provider_of(
    ctx: &SessionContext,
    table: &Table,
    schema: &SchemaRef,
) -> Result<Arc<dyn TableProvider>, LakeError> {
    let failed = LakeError::query(table.name());
    let dated = |files: Arc<dyn TableProvider>, removed_at: Option<i64>| {
        let seen_until = lit(ScalarValue::TimestampMicrosecond(removed_at, Some("UTC".into()))).alias("seen_until");
        let mut columns: Vec<Expr> =
            schema.fields().iter().map(|field| Expr::Column(field.name().as_str().into())).collect();
        columns.push(seen_until);
        ctx.read_table(files).and_then(|frame| frame.select(columns))
    };
    let mut all = dated(provider(Some(table), schema)?, None).map_err(&failed)?;
    // Files taken out together share a time: one scan for each.
    let mut past = table.past_files().await?;
    past.sort_by(|a, b| (a.removed_at, &a.file.path).cmp(&(b.removed_at, &b.file.path)));
    for together in past.chunk_by(|a, b| a.removed_at == b.removed_at) {
        let files: Vec<DataFile> = together.iter().map(|past| past.file.clone()).collect();
        let files = files_provider(table.name(), &files, schema)?;
        let frame = dated(files, Some(together[0].removed_at.timestamp_micros())).map_err(&failed)?;
        all = all.union(frame).map_err(&failed)?;
    }
    // The same row in several files: the last that held it says how long it was valid.
    let newest = row_number()
        .partition_by(vec![col("asset_id"), col("collected_at"), col("content_hash")])
        .order_by(vec![col("seen_until").sort(false, true)])
        .build()
        .map_err(&failed)?
        .alias("newest");
    let mut columns: Vec<Expr> = schema
        .fields()
        .iter()
        .map(|field| match field.name().as_str() {
            "collected_at" => col("collected_at").alias("seen_from"),
            name => Expr::Column(name.into()),
        })
        .collect();
    columns.push(col("seen_until"));
    let plan = LogicalPlanBuilder::from(all.into_unoptimized_plan())
        .window(vec![newest])
        .and_then(|plan| plan.filter(col("newest").eq(lit(1_u64))))
        .and_then(|plan| plan.project(columns))
        .and_then(LogicalPlanBuilder::build)
        .map_err(&failed)?;
    Ok(Arc::new(ViewTable::new(plan, None)))
}

/// The columns of the history of a table with `schema`.
pub(crate) fn schema(schema: &SchemaRef) -> SchemaRef {
    let renamed = schema.fields().iter().map(|field| match field.name().as_str() {
        "collected_at" => Arc::new(field.as_ref().clone().with_name("seen_from")),
        _ => field.clone(),
    });
    let seen_until = Arc::new(Field::new("seen_until", timestamp(), true));
    Arc::new(Schema::new(renamed.chain([seen_until]).collect::<Vec<_>>()))
}
