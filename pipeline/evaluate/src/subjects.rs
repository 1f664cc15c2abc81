//! The assets that a policy is about: those of its type that are in its scope, and which of them nobody can judge.

use std::collections::BTreeSet;

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use datafusion::common::JoinType;
use datafusion::error::DataFusionError;
use datafusion::functions::expr_fn::concat;
use datafusion::functions_aggregate::expr_fn::count;
use datafusion::functions_nested::expr_fn::{array_has_any, make_array};
use datafusion::logical_expr::{Expr, lit, when};
use datafusion::prelude::{DataFrame, SessionContext};
use pacbot_schemas::{AssetTypes, ScopeKind};

use crate::catalog::Checked;
use crate::coverage::{Blind, OutsideRegion};
use crate::row_policy::column;

/// The columns that tell which table an asset is in, and which scope it was collected in.
const WHERE: [&str; 2] = ["asset_type", "collected_in"];

/// The assets, as a plan.
pub(crate) struct Subjects {
    /// `__asset_type`, `__asset_id`, `__collected_in`, `__hidden`.
    frame: DataFrame,
    /// The table, and what hides its assets, as text; none if groups or regions limit them.
    pub(crate) name: Option<String>,
    may_hide: bool,
}

/// What tells the region of a row's scope.
enum Scope {
    /// The policy's own column `region`.
    Region,
    /// It is `global`.
    Global,
    /// Only the asset's own row.
    Asset,
}

impl Subjects {
    pub(crate) async fn of(
        ctx: &SessionContext,
        checked: &Checked,
        blind: &Blind,
        outside: &[OutsideRegion],
    ) -> Result<Self, DataFusionError> {
        let table = checked.policy.asset_type.as_str();
        let is_view = table == "assets";
        let hidden = if is_view { hidden_of_any(blind) } else { hidden(blind, table) };
        let is_limited = !outside.is_empty() || !checked.scoping.groups.is_empty();
        let name = (!is_limited).then(|| format!("{table} {}", hidden.as_ref().map_or(String::new(), Expr::to_string)));
        let may_hide = hidden.is_some();
        let mut frame = ctx.table(table).await?;
        if !outside.is_empty() {
            let places = outside.iter().map(|place| lit(format!("{}/{}", place.account_id, place.region))).collect();
            frame = frame.filter(place("region").in_list(places, false).is_not_true())?;
        }
        let asset_type = if is_view { column("asset_type") } else { lit(table) };
        frame = frame.select(vec![
            asset_type.alias("__asset_type"),
            column("asset_id").alias("__asset_id"),
            column("collected_in").alias("__collected_in"),
            // Null is no; `is true` would be planned as nullable and known as not, which aggregates refuse.
            hidden.unwrap_or_else(|| lit(false)).alias("__hidden"),
        ])?;
        if !checked.scoping.groups.is_empty() {
            let members = checked.scoping.members(ctx).await?;
            let ids = (["__asset_type", "__asset_id"], ["asset_type", "asset_id"]);
            frame = frame.join(members, JoinType::LeftSemi, &ids.0, &ids.1, None)?;
        }
        Ok(Self { frame, name, may_hide })
    }

    /// How many there are, and how many of them are hidden.
    pub(crate) async fn count(&self) -> Result<(u64, u64), DataFusionError> {
        let mut counts = vec![count(lit(1_i64))];
        // How many there are stands in the log; only who wants to know more reads them.
        if self.may_hide {
            counts.push(count(when(column("__hidden"), lit(1_i64)).end()?));
        }
        let counts = self.frame.clone().aggregate(vec![], counts)?.collect().await?;
        let number = |place: usize| {
            let column = counts.first().and_then(|batch| batch.columns().get(place));
            column.map_or(0, |column| column.as_primitive::<Int64Type>().value(0)).unsigned_abs()
        };
        Ok((number(0), number(1)))
    }

    /// The rows of a policy about assets that are in scope and not hidden, with `__asset_type` and `__collected_in`, and
    /// whether they are joined with the assets. `unknown` says how many are hidden.
    pub(crate) fn take(
        self,
        checked: &Checked,
        types: &AssetTypes,
        rows: DataFrame,
        unknown: u64,
    ) -> Result<(DataFrame, bool), DataFusionError> {
        let scope = scope_of(checked, types);
        let is_all = self.name.is_some() && unknown == 0;
        let (asset_type, collected_in) = match scope {
            Scope::Region if is_all => (lit(checked.policy.asset_type.as_str()), column("region")),
            Scope::Global if is_all => (lit(checked.policy.asset_type.as_str()), lit("global")),
            // A policy on all assets can say itself where they are: to look each of them up takes longer than to judge it.
            Scope::Asset if is_all && tells_where(checked, &rows) => (column(WHERE[0]), column(WHERE[1])),
            _ => {
                let seen = self.frame.filter(column("__hidden").is_not_true())?;
                let seen = seen.select(["__asset_type", "__asset_id", "__collected_in"].map(column))?;
                return Ok((rows.join(seen, JoinType::Inner, &["asset_id"], &["__asset_id"], None)?, true));
            }
        };
        let rows = rows.filter(column("asset_id").is_not_null())?;
        Ok((rows.with_column("__asset_type", asset_type)?.with_column("__collected_in", collected_in)?, false))
    }
}

fn scope_of(checked: &Checked, types: &AssetTypes) -> Scope {
    match types.get(&checked.policy.asset_type) {
        Some(def) if def.scope == ScopeKind::Global => Scope::Global,
        Some(def) if def.region.is_none() => Scope::Region,
        _ => Scope::Asset,
    }
}

/// Whether the rows of a policy on all assets say where these are.
fn tells_where(checked: &Checked, rows: &DataFrame) -> bool {
    let has = |name: &&str| rows.schema().has_column_with_unqualified_name(name);
    checked.policy.asset_type == "assets" && WHERE.iter().all(has)
}

/// Account and region as one text.
fn place(region: &str) -> Expr {
    concat(vec![column("account_id"), lit("/"), column(region)])
}

/// Whether an asset of `table` cannot be judged; none if all can.
pub(crate) fn hidden(blind: &Blind, table: &str) -> Option<Expr> {
    let scopes = blind.scopes.iter().filter(|scope| scope.asset_type == table);
    let scopes: Vec<Expr> = scopes.map(|scope| lit(format!("{}/{}", scope.account_id, scope.collected_in))).collect();
    let in_scope = (!scopes.is_empty()).then(|| place("collected_in").in_list(scopes, false));
    let requests = blind.requests.get(table).filter(|requests| !requests.is_empty());
    let is_unread = requests.map(|requests| {
        let requests = make_array(requests.iter().map(|request| lit(request.as_str())).collect());
        // Nearly all rows lack nothing, which the first half tells at once.
        column("unread").is_not_null().and(array_has_any(column("unread"), requests))
    });
    match (in_scope, is_unread) {
        (Some(scope), Some(unread)) => Some(scope.or(unread)),
        (scope, unread) => scope.or(unread),
    }
}

/// The same for the rows of `assets`.
fn hidden_of_any(blind: &Blind) -> Option<Expr> {
    let tables: BTreeSet<&str> = blind
        .scopes
        .iter()
        .map(|scope| scope.asset_type.as_str())
        .chain(blind.requests.keys().map(String::as_str))
        .collect();
    let of_table = |table: &str| Some(column("asset_type").eq(lit(table)).and(hidden(blind, table)?));
    tables.into_iter().filter_map(of_table).reduce(Expr::or)
}
