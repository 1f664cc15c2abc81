//! Whether what a policy finds in an account needs the rows of that account alone.
//!
//! It does when every step of its optimised plan keeps accounts apart: joins compare the account, groups and windows are
//! within one. Then the result for an account whose rows have not changed has not changed either, whatever happened in
//! others. Steps that are not known here are taken to mix accounts. Where the plan does not show it, a policy's file can say
//! so (`by_account`), and every policy's test tries it.

use std::collections::BTreeSet;

use datafusion::common::tree_node::TreeNode;
use datafusion::common::{Column, JoinType};
use datafusion::logical_expr::expr::WindowFunctionParams;
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{BinaryExpr, Distinct, Expr, Join, LogicalPlan, Operator};

/// The column of every asset table that names the account.
pub(crate) const ACCOUNT: &str = "account_id";

/// Whether each row of `plan` is made of rows of the account that its column `account_id` names, and of all of that
/// account's rows that matter.
pub(crate) fn is_local(plan: &LogicalPlan) -> bool {
    let named = plan.schema().index_of_column_by_name(None, ACCOUNT);
    matches!((accounts(plan), named), (Some(Accounts::In(places)), Some(named)) if places.contains(&named))
}

/// Which columns hold the account of all rows that a row was made of.
#[derive(Debug)]
enum Accounts {
    /// No table is read.
    Constant,
    /// These, at least one.
    In(BTreeSet<usize>),
}

impl Accounts {
    fn of(places: BTreeSet<usize>) -> Option<Self> {
        (!places.is_empty()).then_some(Self::In(places))
    }
}

/// `None` where a row may be made of rows of several accounts, or no column tells.
fn accounts(plan: &LogicalPlan) -> Option<Accounts> {
    if asks_elsewhere(plan) {
        return None;
    }
    match plan {
        LogicalPlan::EmptyRelation(_) | LogicalPlan::Values(_) => Some(Accounts::Constant),
        LogicalPlan::TableScan(scan) if scan.fetch.is_none() => {
            let place = scan.projected_schema.index_of_column_by_name(None, ACCOUNT);
            Accounts::of(place.into_iter().collect())
        }
        LogicalPlan::SubqueryAlias(alias) => accounts(&alias.input),
        LogicalPlan::Filter(filter) => accounts(&filter.input),
        LogicalPlan::Distinct(Distinct::All(input)) => accounts(input),
        LogicalPlan::Sort(sort) if sort.fetch.is_none() => accounts(&sort.input),
        LogicalPlan::Projection(projection) => kept(&projection.expr, &projection.input),
        LogicalPlan::Aggregate(aggregate) => kept(&aggregate.group_expr, &aggregate.input),
        LogicalPlan::Window(window) => match accounts(&window.input)? {
            Accounts::In(places) => {
                let is_within = |expr: &Expr| match expr.clone().unalias_nested().data {
                    Expr::WindowFunction(function) => {
                        let WindowFunctionParams { partition_by, .. } = &function.params;
                        partition_by.iter().any(|expr| is_one_of(expr, &window.input, &places))
                    }
                    _ => false,
                };
                window.window_expr.iter().all(is_within).then_some(Accounts::In(places))
            }
            Accounts::Constant => Some(Accounts::Constant),
        },
        LogicalPlan::Unnest(unnest) => match accounts(&unnest.input)? {
            Accounts::In(places) => {
                let lists = unnest.list_type_columns.iter().map(|(place, _)| *place);
                let unnested: BTreeSet<usize> = lists.chain(unnest.struct_type_columns.iter().copied()).collect();
                let kept = unnest.dependency_indices.iter().enumerate();
                let kept = kept.filter(|(_, from)| places.contains(from) && !unnested.contains(from));
                Accounts::of(kept.map(|(place, _)| place).collect())
            }
            Accounts::Constant => Some(Accounts::Constant),
        },
        LogicalPlan::Union(union) => {
            let mut all: Option<Accounts> = None;
            for input in &union.inputs {
                all = match (all, accounts(input)?) {
                    (None, only) => Some(only),
                    (Some(Accounts::Constant), Accounts::Constant) => Some(Accounts::Constant),
                    (Some(Accounts::In(all)), Accounts::In(places)) => {
                        Some(Accounts::of(all.intersection(&places).copied().collect())?)
                    }
                    // A row of the constant would speak for all accounts.
                    _ => return None,
                };
            }
            all
        }
        LogicalPlan::Join(join) => joined(join),
        _ => None,
    }
}

/// Whether a step's expressions read more than the rows that come to it.
fn asks_elsewhere(plan: &LogicalPlan) -> bool {
    plan.expressions().iter().any(|expr| {
        let is_elsewhere = expr.exists(|part| {
            let is_query = matches!(
                part,
                Expr::Exists(_)
                    | Expr::InSubquery(_)
                    | Expr::ScalarSubquery(_)
                    | Expr::SetComparison(_)
                    | Expr::OuterReferenceColumn(..)
                    | Expr::GroupingSet(_)
            );
            Ok(is_query || part.is_volatile_node())
        });
        !matches!(is_elsewhere, Ok(false))
    })
}

/// The first columns of a step are `exprs` over `input`: which of them hold the account.
fn kept(exprs: &[Expr], input: &LogicalPlan) -> Option<Accounts> {
    match accounts(input)? {
        Accounts::Constant => Some(Accounts::Constant),
        Accounts::In(places) => {
            let kept = exprs.iter().enumerate().filter(|(_, expr)| is_one_of(expr, input, &places));
            Accounts::of(kept.map(|(place, _)| place).collect())
        }
    }
}

fn is_one_of(expr: &Expr, input: &LogicalPlan, places: &BTreeSet<usize>) -> bool {
    match expr.clone().unalias_nested().data {
        Expr::Column(column) => place_of(&column, input).is_some_and(|place| places.contains(&place)),
        _ => false,
    }
}

fn place_of(column: &Column, input: &LogicalPlan) -> Option<usize> {
    input.schema().maybe_index_of_column(column)
}

fn joined(join: &Join) -> Option<Accounts> {
    let (left, right) = (accounts(&join.left)?, accounts(&join.right)?);
    let width = join.left.schema().fields().len();
    let shifted = |places: BTreeSet<usize>| places.into_iter().map(|place| place + width).collect::<BTreeSet<_>>();
    match (left, right) {
        (Accounts::Constant, Accounts::Constant) => Some(Accounts::Constant),
        // A row of the constant that finds no partner would speak for all accounts.
        (Accounts::In(places), Accounts::Constant) => match join.join_type {
            JoinType::Inner | JoinType::Left | JoinType::LeftSemi | JoinType::LeftAnti | JoinType::LeftMark => {
                Some(Accounts::In(places))
            }
            _ => None,
        },
        (Accounts::Constant, Accounts::In(places)) => match join.join_type {
            JoinType::Inner | JoinType::Right => Some(Accounts::In(shifted(places))),
            JoinType::RightSemi | JoinType::RightAnti | JoinType::RightMark => Some(Accounts::In(places)),
            _ => None,
        },
        (Accounts::In(left), Accounts::In(right)) => {
            if !compares_accounts(join, &left, &right) {
                return None;
            }
            match join.join_type {
                JoinType::Inner => Some(Accounts::In(left.into_iter().chain(shifted(right)).collect())),
                JoinType::Left | JoinType::LeftSemi | JoinType::LeftAnti | JoinType::LeftMark => {
                    Some(Accounts::In(left))
                }
                JoinType::Right => Some(Accounts::In(shifted(right))),
                JoinType::RightSemi | JoinType::RightAnti | JoinType::RightMark => Some(Accounts::In(right)),
                JoinType::Full => None,
            }
        }
    }
}

fn compares_accounts(join: &Join, left: &BTreeSet<usize>, right: &BTreeSet<usize>) -> bool {
    let are_accounts =
        |one: &Expr, other: &Expr| is_one_of(one, &join.left, left) && is_one_of(other, &join.right, right);
    let compares = |one: &Expr, other: &Expr| are_accounts(one, other) || are_accounts(other, one);
    let in_filter = |part: &Expr| match part {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) => compares(left, right),
        _ => false,
    };
    join.on.iter().any(|(one, other)| are_accounts(one, other))
        || join.filter.as_ref().is_some_and(|filter| split_conjunction(filter).into_iter().any(in_filter))
}

#[cfg(test)]
mod tests;
