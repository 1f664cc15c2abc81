//! The table `assets`: the common columns of all types, with the type. Over any tables, for policies that are checked and
//! tested; a session over the lake reads the files of all types at once ([`crate::all_files`]).
//!
//! For the planner it is one table: a union of views would be planned again with every query.

use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{DFSchema, DataFusionError, Result, project_schema};
use datafusion::logical_expr::expr_rewriter::unnormalize_col;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_expr::expressions::Literal;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::union::UnionExec;
use datafusion::physical_plan::{ExecutionPlan, PhysicalExpr};
use pacbot_schemas::{AssetType, FRONT_COLUMNS, common_type};

use crate::asset_table::with_value;

/// The table's name.
pub(crate) const ASSETS: &str = "assets";

/// The assets of one type.
#[derive(Debug)]
struct OfType {
    asset_type: AssetType,
    assets: Arc<dyn TableProvider>,
}

/// The assets of all types.
#[derive(Debug)]
struct AllAssets {
    schema: SchemaRef,
    types: Vec<OfType>,
}

/// Which of the types `names` filters on the type alone do not rule out.
pub(crate) fn of_types(state: &dyn Session, names: &[&str], filters: &[Expr]) -> Result<Vec<bool>> {
    let known = Arc::new(Schema::new(vec![Field::new("asset_type", DataType::Utf8, true)]));
    let values = StringArray::from_iter_values(names.iter().copied());
    let batch = RecordBatch::try_new(known.clone(), vec![Arc::new(values)])?;
    let known = DFSchema::try_from(known.as_ref().clone())?;
    let mut asked = vec![true; names.len()];
    for filter in filters.iter().filter(|filter| reads(filter, |name| name == "asset_type", true)) {
        let filter = state.create_physical_expr(unnormalize_col(filter.clone()), &known)?;
        let values = filter.evaluate(&batch)?.into_array(names.len())?;
        let holds = values.as_boolean_opt().ok_or_else(|| {
            DataFusionError::Internal("a filter on `asset_type` is neither true nor false".to_owned())
        })?;
        for (asked, holds) in asked.iter_mut().zip(holds) {
            *asked &= holds == Some(true);
        }
    }
    Ok(asked)
}

/// What becomes of filters: all rows of a type have the same type; other filters spare files, and rows are filtered above.
pub(crate) fn filter_kinds(filters: &[&Expr]) -> Vec<TableProviderFilterPushDown> {
    let kind = |filter: &&Expr| match reads(filter, |name| name == "asset_type", true) {
        true => TableProviderFilterPushDown::Exact,
        false => TableProviderFilterPushDown::Inexact,
    };
    filters.iter().map(kind).collect()
}

/// The table `assets`, whose columns are `schema`, over these tables, which are of the named types.
#[must_use]
pub fn all_assets(
    schema: SchemaRef,
    tables: impl IntoIterator<Item = (AssetType, Arc<dyn TableProvider>)>,
) -> Arc<dyn TableProvider> {
    let types = tables.into_iter().map(|(asset_type, assets)| OfType { asset_type, assets });
    Arc::new(AllAssets { schema, types: types.collect() })
}

/// Its columns: the type, the common ones, and those that tell what is known.
#[must_use]
pub fn assets_schema() -> SchemaRef {
    let field = |name: &str| {
        let data_type = if name == "asset_type" { DataType::Utf8 } else { common_type(name) };
        Field::new(name, data_type, true)
    };
    let names = ["asset_type"].into_iter().chain(FRONT_COLUMNS).chain(["collected_in", "unread"]);
    Arc::new(Schema::new(names.map(field).collect::<Vec<_>>()))
}

/// `schema` with texts as views, which are copied without what they show: whoever filters and joins assets by their texts,
/// and keeps few, does so in less time. The type is a value that files come with, and texts in lists stay what they are.
#[must_use]
pub fn with_text_views(schema: &SchemaRef) -> SchemaRef {
    let fields = schema.fields().iter().map(|field| match field.data_type() {
        DataType::Utf8 if field.name() != "asset_type" => {
            Arc::new(field.as_ref().clone().with_data_type(DataType::Utf8View))
        }
        _ => field.clone(),
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// Whether a filter reads no other columns than these, or (`all` is false) at least one of them.
fn reads(filter: &Expr, is_one: impl Fn(&str) -> bool, all: bool) -> bool {
    let columns = filter.column_refs();
    let mut names = columns.iter().map(|column| column.name.as_str());
    if all { !columns.is_empty() && names.all(is_one) } else { names.any(is_one) }
}

#[async_trait]
impl TableProvider for AllAssets {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn table_type(&self) -> TableType {
        TableType::View
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(filter_kinds(filters))
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let schema = project_schema(&self.schema, projection)?;
        // In the type's own table, a column has no table's name.
        let of_type = filters.iter().filter(|filter| !reads(filter, |name| name == "asset_type", false)).cloned();
        let of_type: Vec<Expr> = of_type.map(unnormalize_col).collect();
        let names: Vec<&str> = self.types.iter().map(|of_type| of_type.asset_type.as_str()).collect();
        let asked = of_types(state, &names, filters)?;
        let mut plans = Vec::new();
        for (OfType { asset_type, assets }, _) in self.types.iter().zip(asked).filter(|(_, asked)| *asked) {
            let names = schema.fields().iter().map(|field| field.name().as_str()).filter(|name| *name != "asset_type");
            let known = assets.schema();
            let columns = names.map(|name| known.index_of(name)).collect::<Result<Vec<usize>, _>>()?;
            let plan = assets.scan(state, Some(&columns), &of_type, limit).await?;
            let value: Arc<dyn PhysicalExpr> = Arc::new(Literal::new(asset_type.as_str().into()));
            plans.push(with_value(plan, &schema, "asset_type", &value)?);
        }
        match plans.len() {
            0 => Ok(Arc::new(EmptyExec::new(schema))),
            _ => UnionExec::try_new(plans),
        }
    }
}
