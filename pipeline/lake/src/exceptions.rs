//! All exceptions as of a time, and the issues that they cover.
//!
//! [`Exceptions::register`] makes `issues` a view in which an open issue that an active exception covers is `exempt`. So a
//! grant, a revocation and an end show at once, wherever issues are read. The events of issues know nothing of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema};
use chrono::{DateTime, Utc};
use datafusion::common::{JoinType, ScalarValue};
use datafusion::datasource::MemTable;
use datafusion::datasource::empty::EmptyTable;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{Expr, lit};
use datafusion::prelude::{DataFrame, SessionContext, col};
use futures::TryFutureExt;
use pacbot_schemas::{Severity, timestamp};
use serde::{Deserialize, Serialize};

use crate::error::LakeError;
use crate::exception::{Exception, ExceptionEvent, ExceptionRow, ExceptionScope, ExceptionState, Period, PeriodError};
use crate::groups::{GroupError, Groups};
use crate::lake::Lake;
use crate::predicate::PredicateError;
use crate::run_rows::to_batch;

/// Why an exception cannot be had, or used.
#[derive(Debug, thiserror::Error)]
pub enum ExceptionError {
    /// It covers nothing, or says two things at once.
    #[error("an exception is for issues, or for policies and perhaps a group or `where`: {0}")]
    Scope(&'static str),
    /// Its predicate.
    #[error("the exception's predicate makes no sense")]
    Predicate(#[from] PredicateError),
    /// Its group.
    #[error("the exception's group cannot be used")]
    Group(#[from] GroupError),
    /// Its days.
    #[error("the exception's days make no sense")]
    Period(#[from] PeriodError),
    /// It is too long.
    #[error(
        "exceptions for {severity} severity last {allowed} days at most, and this one would last {days}; `[exceptions] max_days` says so"
    )]
    TooLong {
        /// The worst severity that it covers.
        severity: Severity,
        /// Its most days.
        allowed: u64,
        /// As asked.
        days: u64,
    },
    /// Who wants it may not allow it.
    #[error("`{0}` requested the exception and cannot grant it as well; `[exceptions] four_eyes` says so")]
    FourEyes(String),
    /// There is none of that id.
    #[error("no exception's id is or begins with `{0}`")]
    Unknown(String),
    /// There are several.
    #[error("several exceptions' ids begin with `{0}`; give more of it")]
    Ambiguous(String),
    /// It is not in a state for that.
    #[error("exception {id} is {}, so it cannot be {what}", .state.as_str())]
    State {
        /// The exception.
        id: String,
        /// Its state.
        state: ExceptionState,
        /// What was asked.
        what: &'static str,
    },
    /// The lake.
    #[error("the lake failed")]
    Lake(#[from] LakeError),
    /// A query of our own.
    #[error("failed to find what exceptions cover")]
    Query(#[from] DataFusionError),
}

/// What people may grant: the `[exceptions]` table of the configuration.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ExceptionRules {
    /// The most days for each severity.
    pub max_days: BTreeMap<Severity, u64>,
    /// Whether one person asks and another one grants.
    pub four_eyes: bool,
}

impl Default for ExceptionRules {
    fn default() -> Self {
        let days = [(Severity::Critical, 30), (Severity::High, 90), (Severity::Medium, 180), (Severity::Low, 365)];
        Self { max_days: days.into(), four_eyes: false }
    }
}

/// An exception that somebody wants or grants.
#[derive(Debug, Clone)]
pub struct ExceptionDraft {
    /// Who wants it.
    pub requester: String,
    /// Why.
    pub reason: String,
    /// Where it was discussed.
    pub ticket: Option<String>,
    /// What it covers.
    pub scope: ExceptionScope,
    /// When.
    pub period: Period,
}

/// The exceptions as of a time.
#[derive(Debug, Clone)]
pub struct Exceptions {
    exceptions: Vec<Exception>,
    at: DateTime<Utc>,
}

impl Exceptions {
    /// As the lake knows them at a time.
    ///
    /// # Errors
    ///
    /// [`LakeError::Table`]
    pub async fn read(lake: &Lake, at: DateTime<Utc>) -> Result<Self, LakeError> {
        Ok(Self { exceptions: Exception::fold(lake.journal::<ExceptionRow>(at).await?), at })
    }

    /// Applies the groups, with `files` those that are files, and the exceptions of a time to a session of the lake: adds
    /// the views of [`Groups::register`] and [`Self::register`].
    ///
    /// # Errors
    ///
    /// [`ExceptionError`]
    pub async fn apply(
        lake: &Lake,
        ctx: &SessionContext,
        files: Groups,
        at: DateTime<Utc>,
    ) -> Result<(Groups, Self), ExceptionError> {
        let groups = async { Ok::<_, ExceptionError>(files.with_saved(lake, ctx, at).await?) };
        let (groups, exceptions) = futures::try_join!(groups, Self::read(lake, at).map_err(ExceptionError::from))?;
        groups.register(ctx).await?;
        exceptions.register(ctx, &groups).await?;
        Ok((groups, exceptions))
    }

    /// Whether one of them holds.
    #[must_use]
    pub fn has_active(&self) -> bool {
        self.exceptions.iter().any(|exception| exception.state(self.at) == ExceptionState::Active)
    }

    /// All of them, by id.
    pub fn iter(&self) -> impl Iterator<Item = &Exception> {
        self.exceptions.iter()
    }

    /// The one whose id is or begins with `id`.
    ///
    /// # Errors
    ///
    /// [`ExceptionError::Unknown`], [`ExceptionError::Ambiguous`]
    pub fn find(&self, id: &str) -> Result<&Exception, ExceptionError> {
        let mut found = self.exceptions.iter().filter(|exception| exception.row.exception_id.starts_with(id));
        match (found.next(), found.next()) {
            (Some(exception), None) => Ok(exception),
            (None, _) => Err(ExceptionError::Unknown(id.to_owned())),
            _ => self
                .exceptions
                .iter()
                .find(|exception| exception.row.exception_id == id)
                .ok_or_else(|| ExceptionError::Ambiguous(id.to_owned())),
        }
    }

    /// Adds views to a session of the lake: `recorded_issues` (what `issues` was), `exempt_issues` (`issue_id`,
    /// `exception_id`, `exempt_until`), `issues` with the state `exempt`, and `exceptions_status`.
    ///
    /// # Errors
    ///
    /// [`ExceptionError`], for example of a predicate over a column that there is no more.
    pub async fn register(&self, ctx: &SessionContext, groups: &Groups) -> Result<(), ExceptionError> {
        let recorded = ctx.deregister_table("issues")?.ok_or_else(|| DataFusionError::Plan("no `issues`".into()))?;
        ctx.register_table("recorded_issues", recorded)?;
        let mut covered: Option<DataFrame> = None;
        for exception in self.exceptions.iter().filter(|exception| exception.state(self.at) == ExceptionState::Active) {
            let until = exception.row.period.until_at.timestamp_micros();
            let until = lit(ScalarValue::TimestampMicrosecond(Some(until), Some("UTC".into())));
            let id = lit(exception.row.exception_id.as_str());
            let issues = covered_issues(ctx, &exception.row.scope, groups).await?;
            let issues = issues.select(vec![col("issue_id"), id.alias("exception_id"), until.alias("exempt_until")])?;
            covered = Some(match covered {
                Some(before) => before.union(issues)?,
                None => issues,
            });
        }
        match covered {
            Some(covered) => ctx.register_table("covered_issues", covered.into_view())?,
            None => {
                let text = |name: &str| Field::new(name, DataType::Utf8, true);
                let until = Field::new("exempt_until", timestamp(), true);
                let schema = Schema::new(vec![text("issue_id"), text("exception_id"), until]);
                // The planner sees that this is nothing, so that all issues are not compared with it.
                let nothing = ctx.read_table(Arc::new(EmptyTable::new(Arc::new(schema))))?.limit(0, Some(0))?;
                ctx.register_table("covered_issues", nothing.into_view())?
            }
        };
        for (name, sql) in [
            ("exempt_issues", include_str!("exceptions/exempt_issues.sql")),
            ("issues", include_str!("exceptions/issues.sql")),
        ] {
            ctx.register_table(name, ctx.sql(sql).await?.into_view())?;
        }
        self.register_status(ctx).await
    }

    async fn register_status(&self, ctx: &SessionContext) -> Result<(), ExceptionError> {
        #[derive(Serialize)]
        struct Row<'a> {
            state: &'static str,
            first_at: DateTime<Utc>,
            is_of_all_assets: bool,
            #[serde(flatten)]
            row: &'a ExceptionRow,
        }
        let rows: Vec<Row<'_>> = self
            .iter()
            .map(|exception| Row {
                state: exception.state(self.at).as_str(),
                first_at: exception.first_at,
                is_of_all_assets: exception.row.scope.is_of_all_assets(),
                row: &exception.row,
            })
            .collect();
        let journal = ctx.table_provider("exceptions").await?.schema();
        let mut fields = vec![
            Field::new("state", DataType::Utf8, true),
            Field::new("first_at", timestamp(), true),
            Field::new("is_of_all_assets", DataType::Boolean, true),
        ];
        fields.extend(journal.fields().iter().map(|field| field.as_ref().clone()));
        let schema = Arc::new(Schema::new(fields));
        let batch = to_batch("exceptions", schema.clone(), &rows)?;
        ctx.register_table("folded_exceptions", Arc::new(MemTable::try_new(schema, vec![vec![batch]])?))?;
        let status = ctx.sql(include_str!("exceptions/exceptions_status.sql")).await?;
        ctx.register_table("exceptions_status", status.into_view())?;
        Ok(())
    }
}

/// The recorded issues that a scope covers, whatever their state. `ctx` holds `recorded_issues`, the assets and groups.
///
/// # Errors
///
/// [`ExceptionError::Predicate`], [`ExceptionError::Group`]
pub async fn covered_issues(
    ctx: &SessionContext,
    scope: &ExceptionScope,
    groups: &Groups,
) -> Result<DataFrame, ExceptionError> {
    let mut issues = ctx.table("recorded_issues").await?;
    if !scope.issue_ids.is_empty() {
        let ids: Vec<Expr> = scope.issue_ids.iter().map(|id| lit(id.as_str())).collect();
        issues = issues.filter(col("issue_id").in_list(ids, false))?;
    }
    if !scope.policies.is_empty() {
        let fits = |pattern: &String| col("policy_id").like(lit(pattern.replace('*', "%")));
        let any = scope.policies.iter().map(fits).reduce(Expr::or);
        issues = issues.filter(any.unwrap_or(lit(false)))?;
    }
    if let Some(predicate) = scope.predicate() {
        issues = of_assets(issues, predicate.frame(ctx).await?)?;
    }
    if let Some(group) = &scope.group_id {
        issues = of_assets(issues, groups.members(ctx, group).await?)?;
    }
    Ok(issues)
}

fn of_assets(issues: DataFrame, assets: DataFrame) -> Result<DataFrame, DataFusionError> {
    let assets = assets.select(vec![col("asset_type").alias("of_type"), col("asset_id").alias("of_id")])?;
    issues.join(assets, JoinType::LeftSemi, &["asset_type", "asset_id"], &["of_type", "of_id"], None)
}

impl ExceptionScope {
    /// Makes sure that it covers something that makes sense.
    ///
    /// # Errors
    ///
    /// [`ExceptionError`]
    pub async fn check(&self, lake: &Lake, groups: &Groups) -> Result<(), ExceptionError> {
        match (self.issue_ids.is_empty(), self.policies.is_empty()) {
            (true, true) => return Err(ExceptionError::Scope("it names neither")),
            (false, false) => return Err(ExceptionError::Scope("it names both")),
            (false, true) if self.group_id.is_some() || self.text.is_some() => {
                return Err(ExceptionError::Scope("issues are named one by one, without a group or `where`"));
            }
            _ => {}
        }
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '*';
        if !self.policies.iter().all(|pattern| !pattern.is_empty() && pattern.chars().all(allowed)) {
            return Err(ExceptionError::Scope("policies are ids, in which `*` stands for any text"));
        }
        if self.on.is_some() && self.text.is_none() {
            return Err(ExceptionError::Scope("`on` is the table that `where` is about, and there is no `where`"));
        }
        if let Some(predicate) = self.predicate() {
            predicate.check(lake.types()).await?;
        }
        if let Some(group) = &self.group_id {
            groups.find(group)?;
        }
        Ok(())
    }
}

impl Lake {
    /// Notes that somebody wants an exception, or grants it at once. `severities` are those of what it covers.
    ///
    /// # Errors
    ///
    /// [`ExceptionError::TooLong`], [`ExceptionError::FourEyes`]; the scope was checked before.
    pub async fn new_exception(
        &self,
        draft: ExceptionDraft,
        approver: Option<&str>,
        severities: &[Severity],
        rules: &ExceptionRules,
        at: DateTime<Utc>,
    ) -> Result<ExceptionRow, ExceptionError> {
        rules.check_length(&draft.period, severities)?;
        rules.check_approver(&draft.requester, approver)?;
        let id = format!("x{:010x}", rand::random::<u64>() >> 24);
        let row = |sequence| ExceptionRow {
            exception_id: id.clone(),
            sequence,
            at,
            actor: approver.unwrap_or(&draft.requester).to_owned(),
            event: if approver.is_some() { ExceptionEvent::Granted } else { ExceptionEvent::Requested },
            requester: draft.requester.clone(),
            approver: approver.map(str::to_owned),
            reason: draft.reason.clone(),
            ticket: draft.ticket.clone(),
            scope: draft.scope.clone(),
            period: draft.period.clone(),
        };
        self.one_row(at, |_, sequence| Ok(row(sequence))).await
    }

    /// Changes what became of an exception: grants what was requested, refuses it, renews or revokes what was granted.
    ///
    /// # Errors
    ///
    /// [`ExceptionError::State`] when it is not in a state for that; [`ExceptionError::Unknown`].
    pub async fn change_exception(
        &self,
        id: &str,
        change: ExceptionChange,
        actor: &str,
        rules: &ExceptionRules,
        at: DateTime<Utc>,
    ) -> Result<ExceptionRow, ExceptionError> {
        self.one_row(at, |rows, sequence| {
            let exceptions = Exceptions { exceptions: Exception::fold(rows.iter().cloned()), at };
            let exception = exceptions.find(id)?;
            let state = exception.state(at);
            let fits = match &change {
                ExceptionChange::Grant { .. } | ExceptionChange::Refuse { .. } => state == ExceptionState::Requested,
                ExceptionChange::Renew { .. } => exception.is_granted(),
                ExceptionChange::Revoke { .. } => matches!(state, ExceptionState::Active | ExceptionState::Future),
            };
            if !fits {
                let (id, what) = (exception.row.exception_id.clone(), change.participle());
                return Err(ExceptionError::State { id, state, what });
            }
            let mut row = ExceptionRow { sequence, at, actor: actor.to_owned(), ..exception.row.clone() };
            match &change {
                ExceptionChange::Grant { severities } => {
                    rules.check_length(&row.period, severities)?;
                    rules.check_approver(&row.requester, Some(actor))?;
                    row.event = ExceptionEvent::Granted;
                    row.approver = Some(actor.to_owned());
                }
                ExceptionChange::Renew { period, severities, reason } => {
                    rules.check_length(period, severities)?;
                    rules.check_approver(&row.requester, Some(actor))?;
                    row.event = ExceptionEvent::Renewed;
                    row.approver = Some(actor.to_owned());
                    row.period = period.clone();
                    row.reason = reason.clone().unwrap_or(row.reason);
                }
                ExceptionChange::Refuse { reason } => {
                    row.event = ExceptionEvent::Refused;
                    row.reason.clone_from(reason);
                }
                ExceptionChange::Revoke { reason } => {
                    row.event = ExceptionEvent::Revoked;
                    row.reason.clone_from(reason);
                }
            }
            Ok(row)
        })
        .await
    }

    async fn one_row(
        &self,
        at: DateTime<Utc>,
        decide: impl Fn(&[ExceptionRow], i64) -> Result<ExceptionRow, ExceptionError>,
    ) -> Result<ExceptionRow, ExceptionError> {
        let decide = |rows: &[ExceptionRow], sequence| Ok::<_, ExceptionError>(vec![decide(rows, sequence)?]);
        let mut rows = self.append(at, decide).await?;
        // One was decided, so one was appended.
        rows.pop().ok_or(ExceptionError::Scope("nothing was written"))
    }
}

/// What becomes of an exception.
#[derive(Debug, Clone)]
pub enum ExceptionChange {
    /// It is allowed.
    Grant {
        /// Of what it covers.
        severities: Vec<Severity>,
    },
    /// It is not allowed.
    Refuse {
        /// Why.
        reason: String,
    },
    /// It gets another period.
    Renew {
        /// The new days.
        period: Period,
        /// Of what it covers.
        severities: Vec<Severity>,
        /// Why, if not for the old reason.
        reason: Option<String>,
    },
    /// It is taken back.
    Revoke {
        /// Why.
        reason: String,
    },
}

impl ExceptionChange {
    fn participle(&self) -> &'static str {
        match self {
            Self::Grant { .. } => "granted",
            Self::Refuse { .. } => "refused",
            Self::Renew { .. } => "renewed",
            Self::Revoke { .. } => "revoked",
        }
    }
}

impl ExceptionRules {
    fn check_length(&self, period: &Period, severities: &[Severity]) -> Result<(), ExceptionError> {
        let limits = severities.iter().filter_map(|severity| Some((*self.max_days.get(severity)?, *severity)));
        match limits.min() {
            Some((allowed, severity)) if period.days() > allowed => {
                Err(ExceptionError::TooLong { severity, allowed, days: period.days() })
            }
            _ => Ok(()),
        }
    }

    fn check_approver(&self, requester: &str, approver: Option<&str>) -> Result<(), ExceptionError> {
        match approver {
            Some(approver) if self.four_eyes && approver == requester => {
                Err(ExceptionError::FourEyes(requester.to_owned()))
            }
            _ => Ok(()),
        }
    }
}
