//! Which members of nested columns a policy reads, and tables without the others.
//!
//! An instance's network interfaces have some twenty members, and a policy names three. A file keeps each member as a column
//! of its own, so the others need not be decoded, which for most policies that look into lists is what they cost. A table
//! without them has the same columns of the same types, so no plan knows; what nobody names is null.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::{DataType, FieldRef, Fields, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema, Result, Statistics};
use datafusion::logical_expr::{Distinct, Expr, LogicalPlan, TableProviderFilterPushDown, TableType};
use datafusion::physical_expr::expressions::{CastExpr, Column as PhysicalColumn};
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::{ExecutionPlan, PhysicalExpr};

/// Functions that look at a list and at none of its elements.
const COUNTING: [&str; 3] = ["array_length", "cardinality", "empty"];

/// Names of members, whatever they are members of.
pub(crate) type Members = Arc<BTreeSet<String>>;

/// The members that a plan names; none if somewhere it takes a struct as a whole, or may.
pub(crate) fn members_read(plan: &LogicalPlan) -> Option<Members> {
    let mut names = BTreeSet::new();
    if holds_struct_in(plan.schema()) {
        return None;
    }
    let mut is_known = true;
    let walked = plan.apply_with_subqueries(|node| {
        is_known &= is_node_known(node, &mut names)?;
        Ok(if is_known { TreeNodeRecursion::Continue } else { TreeNodeRecursion::Stop })
    });
    (walked.is_ok() && is_known).then(|| Arc::new(names))
}

/// Whether a step takes no struct as a whole; adds what it names.
fn is_node_known(node: &LogicalPlan, names: &mut BTreeSet<String>) -> Result<bool> {
    let is_known = match node {
        LogicalPlan::Projection(_)
        | LogicalPlan::Filter(_)
        | LogicalPlan::Join(_)
        | LogicalPlan::Aggregate(_)
        | LogicalPlan::Window(_)
        | LogicalPlan::Sort(_)
        | LogicalPlan::Limit(_)
        | LogicalPlan::Union(_)
        | LogicalPlan::SubqueryAlias(_)
        | LogicalPlan::Subquery(_)
        | LogicalPlan::TableScan(_)
        | LogicalPlan::EmptyRelation(_) => true,
        LogicalPlan::Unnest(unnest) => unnest.struct_type_columns.is_empty(),
        LogicalPlan::Distinct(Distinct::All(input)) => !holds_struct_in(input.schema()),
        _ => !holds_struct_in(node.schema()),
    };
    if !is_known {
        return Ok(false);
    }
    let is_passed_on = matches!(node, LogicalPlan::Projection(_) | LogicalPlan::Unnest(_));
    let mut is_known = true;
    node.apply_expressions(|expr| {
        let read = Reading { node, names }.read(expr);
        is_known &= match read {
            Ok(Some(_)) => is_passed_on,
            Ok(None) => true,
            Err(Whole) => false,
        };
        Ok(if is_known { TreeNodeRecursion::Continue } else { TreeNodeRecursion::Stop })
    })?;
    Ok(is_known)
}

/// A struct is taken as a whole.
struct Whole;

/// Looks through the expressions of a step.
struct Reading<'a> {
    node: &'a LogicalPlan,
    names: &'a mut BTreeSet<String>,
}

impl Reading<'_> {
    /// The type of what the expression yields, if that holds structs.
    fn read(&mut self, expr: &Expr) -> Result<Option<DataType>, Whole> {
        match expr {
            Expr::Column(column) => Ok(self.type_of(column).filter(holds_struct)),
            Expr::Alias(alias) => self.read(&alias.expr),
            Expr::IsNull(value) | Expr::IsNotNull(value) => self.read(value).map(|_| None),
            Expr::ScalarFunction(call) if COUNTING.contains(&call.func.name()) => {
                call.args.iter().try_for_each(|value| self.read(value).map(drop))?;
                Ok(None)
            }
            Expr::ScalarFunction(call) if call.func.name() == "array_element" => {
                let [list, place] = call.args.as_slice() else { return Err(Whole) };
                self.whole(place)?;
                Ok(self.read(list)?.and_then(|list| element(&list)).filter(holds_struct))
            }
            Expr::ScalarFunction(call) if call.func.name() == "get_field" => {
                let [value, path @ ..] = call.args.as_slice() else { return Err(Whole) };
                let mut member = self.read(value)?;
                for name in path {
                    let Expr::Literal(name, _) = name else { return Err(Whole) };
                    let name = name.try_as_str().flatten().ok_or(Whole)?;
                    self.names.insert(name.to_owned());
                    member = member.and_then(|of| self::member(&of, name));
                }
                Ok(member.filter(holds_struct))
            }
            Expr::OuterReferenceColumn(field, _) if holds_struct(field.data_type()) => Err(Whole),
            Expr::ScalarSubquery(query) if holds_struct_in(query.subquery.schema()) => Err(Whole),
            other => self.children(other).map(|()| None),
        }
    }

    /// What has no structs to take, or fails.
    fn whole(&mut self, expr: &Expr) -> Result<(), Whole> {
        match self.read(expr)? {
            Some(_) => Err(Whole),
            None => Ok(()),
        }
    }

    fn children(&mut self, expr: &Expr) -> Result<(), Whole> {
        let mut is_known = true;
        let walked = expr.apply_children(|child| {
            is_known &= self.whole(child).is_ok();
            Ok(if is_known { TreeNodeRecursion::Continue } else { TreeNodeRecursion::Stop })
        });
        if walked.is_ok() && is_known { Ok(()) } else { Err(Whole) }
    }

    fn type_of(&self, column: &Column) -> Option<DataType> {
        let of_input = |input: &&LogicalPlan| {
            let place = input.schema().maybe_index_of_column(column)?;
            Some(input.schema().field(place).data_type().clone())
        };
        if let LogicalPlan::TableScan(scan) = self.node {
            return scan.source.schema().field_with_name(&column.name).ok().map(|field| field.data_type().clone());
        }
        self.node.inputs().iter().find_map(of_input)
    }
}

fn element(list: &DataType) -> Option<DataType> {
    match list {
        DataType::List(field) => Some(field.data_type().clone()),
        _ => None,
    }
}

fn member(of: &DataType, name: &str) -> Option<DataType> {
    match of {
        DataType::Struct(fields) => fields.find(name).map(|(_, field)| field.data_type().clone()),
        _ => None,
    }
}

fn holds_struct_in(schema: &DFSchema) -> bool {
    schema.fields().iter().any(|field| holds_struct(field.data_type()))
}

/// Whether there are structs of which members can be left out. Those in maps stay as they are.
fn holds_struct(data_type: &DataType) -> bool {
    match data_type {
        DataType::Struct(_) => true,
        DataType::List(field) => holds_struct(field.data_type()),
        _ => false,
    }
}

/// The type without members of other names; none if all are left. A struct keeps one, which tells where it is null.
fn narrowed(data_type: &DataType, members: &BTreeSet<String>) -> Option<DataType> {
    let of = |field: &FieldRef| {
        let data_type = narrowed(field.data_type(), members)?;
        Some(Arc::new(field.as_ref().clone().with_data_type(data_type)))
    };
    match data_type {
        DataType::List(field) => of(field).map(DataType::List),
        DataType::Struct(fields) => {
            let named = fields.iter().filter(|field| members.contains(field.name()));
            let mut kept: Vec<FieldRef> = named.cloned().collect();
            if kept.is_empty() {
                let plain = fields.iter().find(|field| !field.data_type().is_nested());
                kept.extend(plain.or(fields.first()).cloned());
            }
            let is_whole = kept.len() == fields.len();
            let narrow: Vec<Option<FieldRef>> = kept.iter().map(of).collect();
            if is_whole && narrow.iter().all(Option::is_none) {
                return None;
            }
            let kept = kept.into_iter().zip(narrow).map(|(field, narrow)| narrow.unwrap_or(field));
            Some(DataType::Struct(kept.collect::<Fields>()))
        }
        _ => None,
    }
}

/// A table whose structs have values for some members alone.
#[derive(Debug)]
pub(crate) struct OfMembers {
    pub(crate) table: Arc<dyn TableProvider>,
    pub(crate) members: Members,
}

#[async_trait]
impl TableProvider for OfMembers {
    fn schema(&self) -> SchemaRef {
        self.table.schema()
    }

    fn table_type(&self) -> TableType {
        self.table.table_type()
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        self.table.supports_filters_pushdown(filters)
    }

    fn statistics(&self) -> Option<Statistics> {
        self.table.statistics()
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let plan = self.table.scan(state, projection, filters, limit).await?;
        let schema = plan.schema();
        let narrow: Vec<Option<DataType>> =
            schema.fields().iter().map(|field| narrowed(field.data_type(), &self.members)).collect();
        if narrow.iter().all(Option::is_none) {
            return Ok(plan);
        }
        let columns = schema.fields().iter().zip(narrow).enumerate().map(|(place, (field, narrow))| {
            let column: Arc<dyn PhysicalExpr> = Arc::new(PhysicalColumn::new(field.name(), place));
            let column = match narrow {
                // The scan decodes what the first cast names; the second one gives the plan the type that it knows.
                Some(narrow) => {
                    let named: Arc<dyn PhysicalExpr> = Arc::new(CastExpr::new(column, narrow, None));
                    Arc::new(CastExpr::new(named, field.data_type().clone(), None))
                }
                None => column,
            };
            (column, field.name().clone())
        });
        Ok(Arc::new(ProjectionExec::try_new(columns.collect::<Vec<_>>(), plan)?))
    }
}

#[cfg(test)]
mod tests;
