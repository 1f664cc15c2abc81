//! What happened: the events that messages tell of, and the words for each.

use chrono::{DateTime, Utc};
use pacbot_schemas::{EventKind, Severity};
use serde::{Deserialize, Serialize};

use super::settings::NotifySettings;
use super::words;

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// An issue opened for the first time.
    Opened(IssueChange),
    /// A closed issue opened again.
    Reopened(IssueChange),
    /// An issue closed.
    Closed(IssueChange),
    /// An issue can no longer be judged.
    NotCovered(IssueChange),
    /// A request is not answered whole any more.
    CollectorFailing(Outage),
    /// A score is lower than before.
    ComplianceDrop(ScoreDrop),
    /// An exception ends soon.
    ExceptionExpiring(Expiring),
}

/// A transition of an issue: a row of the view `issue_changes`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IssueChange {
    /// The issue.
    pub issue_id: String,
    /// Why it changed, as in `issue_events`.
    pub cause: String,
    /// How often it has opened.
    pub occurrence: u64,
    /// How bad it is.
    pub severity: Severity,
    /// The policy.
    pub policy_id: String,
    /// The policy's title.
    #[serde(default)]
    pub title: Option<String>,
    /// The account.
    pub account_id: String,
    /// What people call it.
    #[serde(default)]
    pub account_name: Option<String>,
    /// The region.
    pub region: String,
    /// The asset's type.
    pub asset_type: String,
    /// The asset.
    pub asset_id: String,
    /// What people call it, while it exists.
    #[serde(default)]
    pub asset_name: Option<String>,
    /// Tells several violations of one asset apart.
    #[serde(default)]
    pub key: String,
    /// What is or was wrong.
    #[serde(default)]
    pub reason: Option<String>,
    /// The run's time.
    pub at: DateTime<Utc>,
}

/// Requests of one kind that an account does not answer whole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outage {
    /// The account.
    pub account_id: String,
    /// What people call it.
    #[serde(default)]
    pub account_name: Option<String>,
    /// Where.
    pub regions: Vec<String>,
    /// The asset type.
    pub asset_type: String,
    /// The request.
    pub request: String,
    /// Why there is no whole answer.
    pub status: String,
    /// The API's words.
    #[serde(default)]
    pub error: Option<String>,
    /// What to grant.
    #[serde(default)]
    pub missing_permission: Option<String>,
    /// When it was last answered whole.
    #[serde(default)]
    pub answered_at: Option<DateTime<Utc>>,
    /// Policies that it keeps from judging something.
    pub policies: u64,
}

/// Scores that are lower than those of the evaluation before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScoreDrop {
    /// The evaluation.
    pub run_id: String,
    /// Its time.
    pub run_at: DateTime<Utc>,
    /// The time of the one before.
    pub earlier_at: DateTime<Utc>,
    /// Share of what was judged that passes.
    #[serde(default)]
    pub passing_percent: Option<f64>,
    /// The same, before.
    #[serde(default)]
    pub earlier_passing_percent: Option<f64>,
    /// PacBot's score.
    #[serde(default)]
    pub classic_percent: Option<i64>,
    /// The same, before.
    #[serde(default)]
    pub earlier_classic_percent: Option<i64>,
}

/// An exception that ends soon.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Expiring {
    /// The exception.
    pub exception_id: String,
    /// When it ends.
    pub until_at: DateTime<Utc>,
    /// Why it was granted.
    #[serde(default)]
    pub reason: Option<String>,
    /// The policies that it is about.
    #[serde(default)]
    pub policies: Vec<String>,
    /// Issues that open again when it ends.
    #[serde(default)]
    pub issues: u64,
}

/// An event in words.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Told {
    /// What happened, in a word or two.
    pub label: String,
    /// How bad it is, where it is about an issue.
    pub severity: Option<Severity>,
    /// In a line.
    pub headline: String,
    /// Further lines.
    pub details: Vec<String>,
    /// Where more stands.
    pub link: Option<String>,
}

impl Event {
    /// A transition of an issue that was told as this kind; `None` for kinds that are none.
    pub(crate) fn of_issue(kind: EventKind, change: IssueChange) -> Option<Self> {
        Some(match kind {
            EventKind::Opened => Self::Opened(change),
            EventKind::Reopened => Self::Reopened(change),
            EventKind::Closed => Self::Closed(change),
            EventKind::NotCovered => Self::NotCovered(change),
            _ => return None,
        })
    }

    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> EventKind {
        match self {
            Self::Opened(_) => EventKind::Opened,
            Self::Reopened(_) => EventKind::Reopened,
            Self::Closed(_) => EventKind::Closed,
            Self::NotCovered(_) => EventKind::NotCovered,
            Self::CollectorFailing(_) => EventKind::CollectorFailing,
            Self::ComplianceDrop(_) => EventKind::ComplianceDrop,
            Self::ExceptionExpiring(_) => EventKind::ExceptionExpiring,
        }
    }

    /// The transition, of an event of an issue.
    #[must_use]
    pub fn issue(&self) -> Option<&IssueChange> {
        match self {
            Self::Opened(issue) | Self::Reopened(issue) | Self::Closed(issue) | Self::NotCovered(issue) => Some(issue),
            Self::CollectorFailing(_) | Self::ComplianceDrop(_) | Self::ExceptionExpiring(_) => None,
        }
    }

    /// What keeps it from being told twice, for an event that is no transition of an issue: those are numbered.
    #[must_use]
    pub fn key(&self) -> Option<String> {
        match self {
            Self::Opened(_) | Self::Reopened(_) | Self::Closed(_) | Self::NotCovered(_) => None,
            // An outage is told once, and again when it comes back after a whole answer.
            Self::CollectorFailing(outage) => {
                let since = outage.answered_at.map_or_else(|| "never".to_owned(), |at| at.to_rfc3339());
                let Outage { account_id, asset_type, request, .. } = outage;
                Some(format!("outage/{account_id}/{asset_type}/{request}/{since}"))
            }
            Self::ComplianceDrop(drop) => Some(format!("drop/{}", drop.run_id)),
            Self::ExceptionExpiring(expiring) => {
                Some(format!("expiring/{}/{}", expiring.exception_id, expiring.until_at.to_rfc3339()))
            }
        }
    }

    /// The event in words, with links where there is a portal.
    #[must_use]
    pub fn told(&self, settings: &NotifySettings) -> Told {
        match self {
            Self::Opened(issue) | Self::Reopened(issue) | Self::Closed(issue) | Self::NotCovered(issue) => {
                issue.told(settings)
            }
            Self::CollectorFailing(outage) => outage.told(settings),
            Self::ComplianceDrop(drop) => drop.told(settings),
            Self::ExceptionExpiring(expiring) => expiring.told(settings),
        }
    }
}

impl IssueChange {
    /// What people call the asset, else its id.
    #[must_use]
    pub fn asset(&self) -> String {
        let name = self.asset_name.as_deref().filter(|name| !name.is_empty()).unwrap_or(&self.asset_id);
        if self.key.is_empty() { name.to_owned() } else { format!("{name} [{}]", self.key) }
    }

    /// The policy's title, else its id.
    #[must_use]
    pub fn policy(&self) -> &str {
        self.title.as_deref().unwrap_or(&self.policy_id)
    }

    /// The account as people know it.
    #[must_use]
    pub fn account(&self) -> String {
        words::account(self.account_name.as_deref(), &self.account_id)
    }

    pub(crate) fn told(&self, settings: &NotifySettings) -> Told {
        let mut details = vec![format!("{} · {} · {}", self.account(), self.region, self.asset_type)];
        if self.asset() != self.asset_id {
            details.push(self.asset_id.clone());
        }
        // Of what closed, the reason is what was wrong.
        let is_over = matches!(self.cause.as_str(), "fixed" | "asset_gone" | "out_of_scope" | "policy_retired");
        details.extend(self.reason.as_ref().map(|reason| match is_over {
            true => format!("was: {reason}"),
            false => reason.clone(),
        }));
        details.push(format!("policy {}", self.policy_id));
        Told {
            label: words::cause(&self.cause).to_owned(),
            severity: Some(self.severity),
            headline: format!("{}: {}", self.asset(), self.policy()),
            details,
            link: settings.link(&["issues", &self.issue_id]).map(String::from),
        }
    }
}

impl Outage {
    pub(crate) fn told(&self, settings: &NotifySettings) -> Told {
        let account = words::account(self.account_name.as_deref(), &self.account_id);
        let since = self.answered_at.map_or_else(
            || "never answered whole yet".to_owned(),
            |at| format!("last answered whole on {}", words::minute(at)),
        );
        let grant = self.missing_permission.as_ref().map(|permission| format!("grant {permission}"));
        let details = [Some(format!("in {}", self.regions.join(", "))), grant.or_else(|| self.error.clone())];
        let judged = pacbot_dashboards::counted(self.policies, "policy", "policies");
        let last = [format!("{judged} could not judge everything; {since}")];
        Told {
            label: self.status.clone(),
            severity: None,
            headline: format!("{account}: {}, request {}", self.asset_type, self.request),
            details: details.into_iter().flatten().chain(last).collect(),
            link: settings.link(&["coverage"]).map(String::from),
        }
    }
}

impl ScoreDrop {
    fn told(&self, settings: &NotifySettings) -> Told {
        let classic = self.earlier_classic_percent.zip(self.classic_percent);
        let classic = classic.map(|(before, now)| format!("classic score: {before} % before, {now} % now"));
        let since = format!("compared with {}", words::minute(self.earlier_at));
        let (before, now) = (words::percent(self.earlier_passing_percent), words::percent(self.passing_percent));
        Told {
            label: "score fell".to_owned(),
            severity: None,
            headline: format!("{now} of what was judged passes, {before} before"),
            details: classic.into_iter().chain([since]).collect(),
            link: settings.link(&["report"]).map(String::from),
        }
    }
}

impl Expiring {
    pub(crate) fn told(&self, settings: &NotifySettings) -> Told {
        let issues = pacbot_dashboards::counted(self.issues, "issue opens", "issues open");
        let about = (!self.policies.is_empty()).then(|| format!("about {}", self.policies.join(", ")));
        Told {
            label: "exception ends".to_owned(),
            severity: None,
            headline: format!("Exception {} ends on {}", self.exception_id, words::minute(self.until_at)),
            details: self.reason.clone().into_iter().chain(about).chain([format!("{issues} again then")]).collect(),
            link: settings.link(&["exceptions", &self.exception_id]).map(String::from),
        }
    }
}
