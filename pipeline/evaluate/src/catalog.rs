//! All policies: loaded, planned against the tables' definitions, and what each of them reads.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::Utc;
use datafusion::common::ScalarValue;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::datasource::empty::EmptyTable;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::prelude::{DataFrame, SessionContext};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};
use pacbot_lake::{SqlMessage, all_assets, assets_schema, bare_session, read_only, unknown_run_time, with_text_views};
use pacbot_schemas::{AssetTypes, PolicyId, SourceError, fingerprint, nearest};

use crate::local::is_local;
use crate::members::{Members, members_read};
use crate::overrides::Overrides;
use crate::policy::Policy;
use crate::row_policy::{RowPolicy, is_run_time};
use crate::scoping::{PolicyScopes, Scoping};

mod files {
    include!(concat!(env!("OUT_DIR"), "/embedded.rs"));
}

/// Columns that every policy returns first, in this order.
pub const COLUMNS: [&str; 4] = ["asset_id", "account_id", "region", "reason"];

/// A policy that plans, with its parameters' values and what it reads.
#[derive(Debug, Clone)]
pub struct Checked {
    /// The policy.
    pub policy: Policy,
    /// The values of its parameters.
    pub values: BTreeMap<String, ScalarValue>,
    /// The asset tables that it reads, and which of their columns.
    pub reads: BTreeMap<String, BTreeSet<String>>,
    /// The asset groups that it is limited to, and those with other parameters.
    pub scoping: Scoping,
    /// Whether what it finds depends on when it is asked.
    pub(crate) is_timed: bool,
    /// Whether what it finds in an account depends on that account alone.
    pub(crate) is_local: bool,
    /// The members of nested columns that it reads; none if it may read all.
    pub(crate) members: Option<Members>,
    /// What it says of a row, if it looks at one row at a time.
    pub(crate) row: Option<RowPolicy>,
    /// The plan over empty tables, optimised once; none if it asks for the run's time, with which it is planned anew.
    pub(crate) optimised: Option<Arc<LogicalPlan>>,
}

/// The policies, by id.
#[derive(Debug, Clone, Default)]
pub struct Catalog(BTreeMap<PolicyId, Arc<Checked>>);

impl Catalog {
    /// The policies that come with the program.
    ///
    /// # Errors
    ///
    /// Every mistake in every file and override.
    pub async fn embedded(types: &AssetTypes, overrides: &Overrides) -> Result<Self, Vec<SourceError>> {
        Self::load(Self::embedded_files(), types, overrides).await
    }

    /// Loads and checks policy files, given as name and text.
    ///
    /// # Errors
    ///
    /// Every mistake in every file and override.
    pub async fn load<'a>(
        files: impl IntoIterator<Item = (&'a str, &'a str)>,
        types: &AssetTypes,
        overrides: &Overrides,
    ) -> Result<Self, Vec<SourceError>> {
        let failed = |error: String| vec![SourceError::at("(session)", "", 0..0, error)];
        let ctx = definitions(types).map_err(|error| failed(error.to_string()))?;
        let shared = Arc::new((ctx, types.clone(), overrides.clone()));
        // Those with mistakes too.
        let mut known = BTreeSet::new();
        let mut checks = Vec::new();
        for (file, text) in files {
            let policy = Policy::parse(file, text);
            known.extend(policy.as_ref().ok().map(|policy| policy.id.clone()));
            let shared = shared.clone();
            // Planning takes a core, and there is more than one.
            let check =
                policy.map(|policy| tokio::spawn(async move { check(&shared.0, policy, &shared.1, &shared.2).await }));
            checks.push((file, text, check));
        }
        let (mut policies, mut errors) = (BTreeMap::new(), Vec::new());
        for (file, text, check) in checks {
            let checked = match check {
                Ok(check) => match check.await {
                    Ok(checked) => checked,
                    Err(panic) => Err(SourceError::at(file, text, 0..0, panic.to_string())),
                },
                Err(error) => Err(error),
            };
            match checked {
                Ok(checked) => {
                    let id = checked.policy.id.clone();
                    if policies.insert(id.clone(), Arc::new(checked)).is_some() {
                        errors.push(SourceError::at(
                            file,
                            text,
                            0..0,
                            format!("another file has the id `{id}` as well"),
                        ));
                    }
                }
                Err(error) => errors.push(error),
            }
        }
        for id in overrides.policies().filter(|id| !known.contains(*id)) {
            let near = nearest(id.as_str(), known.iter().map(PolicyId::as_str));
            let error =
                overrides.mistake(id, None, format!("parameters are given for `{id}`, which is no enabled policy"));
            errors.push(error.with_meant(near));
        }
        if errors.is_empty() { Ok(Self(policies)) } else { Err(errors) }
    }

    /// The policy files that come with the program: file name and text.
    pub fn embedded_files<'a>() -> impl Iterator<Item = (&'a str, &'a str)> {
        files::POLICIES.iter().copied()
    }

    /// The policy tests that come with the program: file name and text.
    pub fn embedded_tests() -> impl Iterator<Item = (&'static str, &'static str)> {
        files::TESTS.iter().copied()
    }

    /// The policy of that id.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Arc<Checked>> {
        self.0.iter().find(|(known, _)| known.as_str() == id).map(|(_, checked)| checked)
    }

    /// Takes a policy out; tells whether it was there.
    pub fn disable(&mut self, id: &PolicyId) -> bool {
        self.0.remove(id).is_some()
    }

    /// Limits policies to asset groups, and gives groups other parameters.
    ///
    /// # Errors
    ///
    /// Every policy that there is not, and every parameter that makes no sense.
    pub fn scope(&mut self, scopes: &PolicyScopes) -> Result<(), Vec<SourceError>> {
        let mut errors = Vec::new();
        for checked in self.0.values_mut() {
            match scopes.of(&checked.policy) {
                Ok(scoping) if scoping == Scoping::default() => {}
                Ok(scoping) => Arc::make_mut(checked).scoping = scoping,
                Err(error) => errors.push(error),
            }
        }
        let known: Vec<&str> = self.0.keys().map(PolicyId::as_str).collect();
        errors.extend(scopes.unknown(&known));
        if errors.is_empty() { Ok(()) } else { Err(errors) }
    }

    /// All policies, by id.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Checked>> {
        self.0.values()
    }
}

impl Checked {
    /// The policy's rows as a plan in `ctx`, which holds the tables.
    ///
    /// # Errors
    ///
    /// Whatever planning says.
    pub async fn plan(&self, ctx: &SessionContext) -> Result<DataFrame, DataFusionError> {
        self.plan_with(ctx, &self.values).await
    }

    pub(crate) async fn plan_with(
        &self,
        ctx: &SessionContext,
        values: &BTreeMap<String, ScalarValue>,
    ) -> Result<DataFrame, DataFusionError> {
        let frame = read_only(ctx, &self.policy.text).await?;
        let values: Vec<(&str, ScalarValue)> =
            values.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
        if values.is_empty() { Ok(frame) } else { frame.with_param_values(values) }
    }

    /// Whether its rows ([`Checked::rows`]) come with a plan that is optimised.
    pub(crate) fn is_optimised(&self) -> bool {
        self.optimised.is_some() && self.scoping.variants.is_empty()
    }

    /// The requests of `table` that feed what the policy reads.
    #[must_use]
    pub fn requests(&self, types: &AssetTypes, table: &str) -> BTreeSet<String> {
        let Some(def) = types.get(table) else { return BTreeSet::new() };
        let columns = self.reads.get(table).into_iter().flatten();
        columns.map(|column| def.request_of(column).to_owned()).chain(["list".to_owned()]).collect()
    }

    /// Text and parameters as one number: equal numbers give equal results on equal tables.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        fingerprint(&format!("{}\0{:?}\0{:?}", self.policy.text, self.values, self.scoping))
    }
}

/// Rules that take a fifth of loading the policies, and tell nothing about what they read.
const COSTLY_RULES: [&str; 3] =
    ["common_sub_expression_eliminate", "extract_leaf_expressions", "push_down_leaf_projections"];

/// A session with every table's definition and no rows.
fn definitions(types: &AssetTypes) -> Result<SessionContext, DataFusionError> {
    let ctx = bare_session(64 << 20, Utc::now()).map_err(|error| DataFusionError::External(Box::new(error)))?;
    {
        let state = ctx.state_ref();
        let mut state = state.write();
        let options = state.config_mut().options_mut();
        options.sql_parser.collect_spans = true;
        // Enough to see what a policy reads and how; what is run is optimised on, and most results are not made again.
        options.optimizer.max_passes = 1;
    }
    for rule in COSTLY_RULES {
        ctx.remove_optimizer_rule(rule);
    }
    for function in unknown_run_time() {
        ctx.register_udf(function);
    }
    for def in types.iter() {
        ctx.register_table(def.asset_type.as_str(), Arc::new(EmptyTable::new(with_text_views(&def.schema()))))?;
    }
    // As in the lake, filters on the type are the table's own.
    ctx.register_table("assets", all_assets(with_text_views(&assets_schema()), []))?;
    Ok(ctx)
}

async fn check(
    ctx: &SessionContext,
    policy: Policy,
    types: &AssetTypes,
    overrides: &Overrides,
) -> Result<Checked, SourceError> {
    if policy.asset_type != "assets"
        && types.get(&policy.asset_type).is_none_or(|def| def.asset_type.as_str() != policy.asset_type)
    {
        let near = nearest(&policy.asset_type, types.iter().map(|def| def.asset_type.as_str()));
        let place = policy.text.find(&policy.asset_type).unwrap_or_default();
        let error = SourceError::at(
            &policy.file,
            &policy.text,
            place..place,
            format!("`{}` is no asset type", policy.asset_type),
        );
        return Err(error.with_meant(near));
    }
    refuse_wildcards(&policy)?;
    let values = overrides.values(&policy)?;
    let mut checked = Checked {
        values,
        reads: BTreeMap::new(),
        scoping: Scoping::default(),
        is_timed: false,
        is_local: false,
        members: None,
        row: None,
        optimised: None,
        policy,
    };
    let frame = checked.plan(ctx).await.map_err(|error| explained(&checked.policy, types, &error))?;
    let names: Vec<String> = frame.schema().fields().iter().map(|field| field.name().clone()).collect();
    let at = |message: String| {
        SourceError::at(&checked.policy.file, &checked.policy.text, place_of_select(&checked.policy.text), message)
    };
    if names.len() < COLUMNS.len() || names[..COLUMNS.len()] != COLUMNS {
        return Err(at(format!("the policy returns `{}`", names.join(", ")))
            .with_help(format!("the first columns are `{}`; evidence follows", COLUMNS.join(", "))));
    }
    let plan = frame.into_optimized_plan().map_err(|error| explained(&checked.policy, types, &error))?;
    let mut reads = columns_read(&plan).map_err(|error| at(error.to_string()))?;
    // What is read of all assets is read of each type.
    if let Some(columns) = reads.remove("assets") {
        for def in types.iter() {
            let of_type = reads.entry(def.asset_type.to_string()).or_default();
            of_type.extend(columns.iter().filter(|column| *column != "asset_type").cloned());
        }
    }
    let is_timed = depends_on_time(&plan).map_err(|error| at(error.to_string()))?;
    let row = RowPolicy::of(&plan).filter(|row| row.table == checked.policy.asset_type);
    (checked.reads, checked.is_timed, checked.row) = (reads, is_timed, row);
    checked.is_local = checked.policy.by_account || is_local(&plan);
    checked.members = members_read(&plan);
    checked.optimised = (!is_timed).then(|| Arc::new(plan));
    Ok(checked)
}

/// The columns of each scan that the plan needs, filters included.
fn columns_read(plan: &LogicalPlan) -> Result<BTreeMap<String, BTreeSet<String>>, DataFusionError> {
    let mut reads: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    plan.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(scan) = node {
            let columns = reads.entry(scan.table_name.table().to_owned()).or_default();
            columns.extend(scan.projected_schema.fields().iter().map(|field| field.name().clone()));
            columns.extend(scan.filters.iter().flat_map(|filter| {
                filter.column_refs().into_iter().map(|column| column.name.clone()).collect::<Vec<_>>()
            }));
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(reads)
}

fn depends_on_time(plan: &LogicalPlan) -> Result<bool, DataFusionError> {
    let mut is_timed = false;
    plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expr| {
            is_timed |=
                expr.exists(|part| Ok(matches!(part, Expr::ScalarFunction(call) if is_run_time(&call.func))))?;
            Ok(TreeNodeRecursion::Continue)
        })
    })?;
    Ok(is_timed)
}

pub(crate) fn place_of_select(text: &str) -> std::ops::Range<usize> {
    let start = text.find("---*/").map_or(0, |end| end + "---*/".len());
    let start = start + (text[start..].len() - text[start..].trim_start().len());
    start..start
}

/// `select *` hides which columns decide, and so what can be judged when a request failed.
fn refuse_wildcards(policy: &Policy) -> Result<(), SourceError> {
    let tokens = Tokenizer::new(&GenericDialect {}, &policy.text).tokenize_with_location().map_err(|error| {
        let place = byte_of(&policy.text, error.location.line, error.location.column);
        SourceError::at(&policy.file, &policy.text, place..place, error.message.clone())
    })?;
    let mut before: Option<&Token> = None;
    for token in tokens.iter().filter(|token| !matches!(token.token, Token::Whitespace(_))) {
        let opens = match before {
            Some(Token::Word(word)) => matches!(word.keyword, Keyword::SELECT | Keyword::DISTINCT | Keyword::ALL),
            Some(Token::Comma | Token::Period) => true,
            _ => false,
        };
        if token.token == Token::Mul && opens {
            let place = byte_of(&policy.text, token.span.start.line, token.span.start.column);
            return Err(SourceError::at(&policy.file, &policy.text, place..place, "`select *` is refused")
                .with_help("name the columns: those that are read decide what can be judged"));
        }
        before = Some(&token.token);
    }
    Ok(())
}

/// The byte at a line and column that are counted from 1.
fn byte_of(text: &str, line: u64, column: u64) -> usize {
    let (line, column) = (usize::try_from(line).unwrap_or_default(), usize::try_from(column).unwrap_or_default());
    let start: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let rest = &text[start.min(text.len())..];
    start + rest.char_indices().nth(column.saturating_sub(1)).map_or(rest.len(), |(at, _)| at)
}

/// The engine's error with its place in the file and what was probably meant.
fn explained(policy: &Policy, types: &AssetTypes, error: &DataFusionError) -> SourceError {
    let tables = types.iter().map(|def| def.asset_type.as_str()).chain(["assets"]);
    let SqlMessage { text: message, meant } = SqlMessage::new(error, tables);
    let span = error.diagnostic().and_then(|diagnostic| diagnostic.span);
    let place = match span {
        Some(span) => byte_of(&policy.text, span.start.line, span.start.column),
        None => parser_place(&message)
            .map(|(line, column)| byte_of(&policy.text, line, column))
            .or_else(|| named_place(policy, &message))
            .unwrap_or_else(|| place_of_select(&policy.text).start),
    };
    SourceError::at(&policy.file, &policy.text, place..place, message).with_meant(meant.as_deref())
}

/// Where the field stands that the engine says it does not know.
fn named_place(policy: &Policy, message: &str) -> Option<usize> {
    let name = message.split("No field named ").nth(1)?.split(". ").next()?.trim_end_matches('.');
    let name = name.rsplit('.').next()?.trim_matches('"');
    let start = place_of_select(&policy.text).start;
    Some(start + policy.text[start..].find(name)?)
}

/// `… at Line: 3, Column: 7` of the parser's messages.
fn parser_place(message: &str) -> Option<(u64, u64)> {
    let rest = &message[message.find("Line: ")? + "Line: ".len()..];
    let (line, rest) = rest.split_once(',')?;
    let column = rest.trim_start().strip_prefix("Column: ")?;
    let digits = column.find(|c: char| !c.is_ascii_digit()).unwrap_or(column.len());
    Some((line.parse().ok()?, column[..digits].parse().ok()?))
}

#[cfg(test)]
mod tests;
