//! The digest: what one owner should know about their assets, in one message.
//!
//! Every number comes from the views that `pacbot report` reads, through the audience's lens
//! ([`super::sight`]).

use chrono::{DateTime, Days, Utc};
use datafusion::common::ScalarValue;
use datafusion::prelude::SessionContext;
use pacbot_dashboards::{CAUSES, Report, RunPart, Scores, counted};
use serde::{Deserialize, Serialize};

use super::NotifyError;
use super::changes::{Named, named};
use super::event::{Expiring, IssueChange, Outage};
use super::query::{number, rows};
use super::selection::{Audience, OUTAGES};
use super::settings::NotifySettings;
use super::sight::Sight;

/// What one owner should know.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Digest {
    /// What it is about, for people.
    pub title: String,
    /// The groups that it is about; empty for all assets.
    pub groups: Vec<String>,
    /// The newest evaluation.
    pub run: RunPart,
    /// The time of the run that the digest before told of, or of the run before.
    #[serde(default)]
    pub since_at: Option<DateTime<Utc>>,
    /// The scores; `None` where there is nothing to judge.
    #[serde(default)]
    pub scores: Option<Scores>,
    /// The scores at `since_at`.
    #[serde(default)]
    pub earlier: Option<Scores>,
    /// Issues by severity, the worst first.
    pub severities: Vec<SeverityLine>,
    /// PacBot's score by category.
    pub categories: Vec<CategoryLine>,
    /// What changed since, by cause.
    pub changes: Vec<Changes>,
    /// Policies with open issues, the worst first.
    pub policies: Listed<PolicyLine>,
    /// Accounts with open issues, the worst first.
    pub accounts: Listed<AccountLine>,
    /// Fixes that will be applied.
    pub due: Listed<Due>,
    /// Exceptions that end soon.
    pub expiring: Listed<Expiring>,
    /// What could not be judged.
    pub unjudged: Listed<Outage>,
}

/// The first rows, and how many more there are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Listed<T> {
    /// The first.
    pub rows: Vec<T>,
    /// How many are not among them.
    pub unnamed: u64,
}

impl<T> Listed<T> {
    fn first(mut rows: Vec<T>, named: usize) -> Self {
        let unnamed = rows.len().saturating_sub(named) as u64;
        rows.truncate(named);
        Self { rows, unnamed }
    }
}

/// Issues of one severity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeverityLine {
    /// The severity.
    pub severity: String,
    /// Open issues.
    pub open_issues: u64,
    /// Issues that could not be judged.
    pub unknown_issues: u64,
}

/// PacBot's score of one category.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CategoryLine {
    /// The category.
    pub category: String,
    /// Its policies.
    pub policies: u64,
    /// Its score.
    pub compliance_percent: i64,
}

/// Transitions of one cause.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Changes {
    /// The cause, as in `issue_events`.
    pub cause: String,
    /// How many.
    pub count: u64,
    /// The first, the worst first.
    pub named: Vec<IssueChange>,
}

/// Open issues of one policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyLine {
    /// The policy.
    pub policy_id: String,
    /// Its title.
    pub title: String,
    /// Its severity.
    pub severity: String,
    /// Its open issues.
    pub open_issues: u64,
}

/// Open issues of one account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountLine {
    /// The account.
    pub account_id: String,
    /// What people call it.
    pub account_name: String,
    /// Its open issues.
    pub open_issues: u64,
    /// Those that are critical.
    pub open_critical: u64,
    /// Those that are high.
    pub open_high: u64,
}

/// A fix that will be applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Due {
    /// The issue.
    pub issue_id: String,
    /// The policy.
    pub policy_id: String,
    /// The fix.
    pub fix: String,
    /// The asset.
    pub asset_id: String,
    /// What people call it.
    #[serde(default)]
    pub asset_name: Option<String>,
    /// The account.
    pub account_id: String,
    /// The region.
    pub region: String,
    /// When it will be applied.
    pub due_at: DateTime<Utc>,
    /// Warnings so far.
    #[serde(default)]
    pub warning: u64,
    /// Warnings before it is applied.
    #[serde(default)]
    pub warnings: u64,
}

/// What a digest covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Issue events after this sequence number.
    pub after: i64,
    /// Up to this one.
    pub until: i64,
    /// The time of the run that the digest before told of.
    pub since_at: Option<DateTime<Utc>>,
}

impl Digest {
    /// Reads the digest of an audience.
    ///
    /// # Errors
    ///
    /// [`NotifyError::Report`] for a lake without a finished evaluation, [`NotifyError::Query`]
    pub(crate) async fn read(
        sight: &mut Sight<'_>,
        audience: &Audience,
        window: Window,
        settings: &NotifySettings,
        now: DateTime<Utc>,
    ) -> Result<Self, NotifyError> {
        sight.turn_to(audience).await?;
        let ctx = sight.ctx();
        let report = Report::read(ctx, 0).await?;
        let since_at = window.since_at.or(report.run.previous_at);
        let named = settings.named;
        let severities = report.severities.iter().map(|part| SeverityLine {
            severity: part.severity.clone(),
            open_issues: part.open_issues,
            unknown_issues: part.unknown_issues,
        });
        let open = report.policies.iter().filter(|policy| policy.open_issues > 0).map(|policy| PolicyLine {
            policy_id: policy.policy_id.clone(),
            title: policy.title.clone(),
            severity: policy.severity.clone(),
            open_issues: policy.open_issues,
        });
        let accounts = report.accounts.iter().filter(|account| account.open_issues > 0).map(|account| AccountLine {
            account_id: account.account_id.clone(),
            account_name: account.account_name.clone(),
            open_issues: account.open_issues,
            open_critical: account.open_critical,
            open_high: account.open_high,
        });
        let categories =
            "select category, policies, compliance_percent from category_score order by category_weight desc, category";
        Ok(Self {
            title: audience.title.clone(),
            groups: audience.groups.clone(),
            since_at,
            scores: sight.scores().await?,
            earlier: match since_at {
                Some(at) => sight.earlier_scores(at).await?,
                None => None,
            },
            severities: severities.collect(),
            categories: rows(ctx, "category_score", categories, Vec::new()).await?,
            changes: changes(ctx, window, named).await?,
            policies: Listed::first(open.collect(), named),
            accounts: Listed::first(accounts.collect(), named),
            due: Listed::first(rows(ctx, "fixes_planned", include_str!("digest/due.sql"), Vec::new()).await?, named),
            expiring: Listed::first(expiring(ctx, settings, now).await?, named),
            unjudged: Listed::first(rows(ctx, "unjudged", OUTAGES, Vec::new()).await?, named),
            run: report.run,
        })
    }

    /// How many issues changed for one of these causes.
    #[must_use]
    pub fn changed(&self, causes: &[&str]) -> u64 {
        self.changes
            .iter()
            .filter(|changes| causes.contains(&changes.cause.as_str()))
            .map(|changes| changes.count)
            .sum()
    }

    /// All open issues.
    #[must_use]
    pub fn open_issues(&self) -> u64 {
        self.severities.iter().map(|line| line.open_issues).sum()
    }

    /// A line for a mail's subject.
    #[must_use]
    pub fn subject(&self) -> String {
        let critical = self.severities.iter().find(|line| line.severity == "critical" && line.open_issues > 0);
        let critical = critical.map(|line| format!(" ({} critical)", line.open_issues)).unwrap_or_default();
        let open = counted(self.open_issues(), "open issue", "open issues");
        let opened = self.changed(&["opened", "reopened"]);
        let closed = self.changed(&["fixed", "asset_gone", "out_of_scope", "policy_retired"]);
        format!("{}: {open}{critical}, {opened} opened, {closed} closed", self.title)
    }
}

async fn changes(ctx: &SessionContext, window: Window, most: usize) -> Result<Vec<Changes>, NotifyError> {
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let values = vec![("after", number(window.after)), ("until", number(window.until)), ("named", number(most))];
    let found = named(ctx, include_str!("digest/changes.sql"), values).await?;
    let mut changes: Vec<Changes> = Vec::new();
    // In the order in which people want to read them.
    for (cause, _) in CAUSES {
        let of_cause: Vec<&Named> = found.iter().filter(|named| named.kind == *cause).collect();
        if let Some(first) = of_cause.first() {
            let named = of_cause.iter().map(|named| named.change.clone()).collect();
            changes.push(Changes { cause: (*cause).to_owned(), count: first.of_kind, named });
        }
    }
    Ok(changes)
}

/// Exceptions that hold and end within the configured days.
pub(crate) async fn expiring(
    ctx: &SessionContext,
    settings: &NotifySettings,
    now: DateTime<Utc>,
) -> Result<Vec<Expiring>, NotifyError> {
    let until = now.checked_add_days(Days::new(u64::from(settings.expiring_days))).unwrap_or(now);
    let until = ScalarValue::TimestampMicrosecond(Some(until.timestamp_micros()), Some("UTC".into()));
    let values = vec![("until", until)];
    rows(ctx, "exceptions_status", include_str!("digest/expiring.sql"), values).await
}
