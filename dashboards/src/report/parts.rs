//! What a report is made of: the rows of the views.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// What one look at the lake says.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// The newest evaluation.
    pub run: RunPart,
    /// The scores.
    pub scores: Scores,
    /// By severity, worst first.
    pub severities: Vec<SeverityPart>,
    /// By policy: worst severity first, then most violating assets.
    pub policies: Vec<PolicyPart>,
    /// By account.
    pub accounts: Vec<AccountPart>,
    /// What the newest diff changed: numbers by cause.
    pub changes: Vec<ChangeCount>,
    /// The first changes of each cause.
    pub changed: Vec<Change>,
    /// What could not be judged.
    pub unjudged: Vec<Unjudged>,
}

/// The run that the report is about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunPart {
    /// Its id.
    pub run_id: String,
    /// Its time.
    pub run_at: DateTime<Utc>,
    /// The time of the run before it.
    #[serde(default)]
    pub previous_at: Option<DateTime<Utc>>,
    /// Assets in the lake, or in the group that is looked at.
    #[serde(default)]
    pub assets: u64,
}

/// How good it is, in percent. Null where there is nothing to say.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
pub struct Scores {
    /// Share of what was judged that passes, weighted by severity.
    #[serde(default)]
    pub passing_percent: Option<f64>,
    /// Share of the pairs of policy and asset that could be judged.
    #[serde(default)]
    pub judged_percent: Option<f64>,
    /// Pairs of policy and asset.
    #[serde(default)]
    pub pairs: u64,
    /// Those that pass.
    #[serde(default)]
    pub passing: u64,
    /// Those that violate.
    #[serde(default)]
    pub violating: u64,
    /// Those that are exempt.
    #[serde(default)]
    pub exempt: u64,
    /// Those that could not be judged.
    #[serde(default)]
    pub unknown: u64,
    /// PacBot's own score, in which unknown and exempt count as passed.
    #[serde(default)]
    pub classic_percent: Option<i64>,
}

/// A row of `severity_status`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SeverityPart {
    /// The severity.
    pub severity: String,
    /// Policies of it.
    pub policies: u64,
    /// Those with violations.
    pub violated_policies: u64,
    /// Open issues.
    pub open_issues: u64,
    /// Issues that an exception covers.
    pub exempt_issues: u64,
    /// Issues that could not be judged.
    pub unknown_issues: u64,
}

/// A row of `policy_status`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PolicyPart {
    /// The policy.
    pub policy_id: String,
    /// Its title.
    pub title: String,
    /// Its severity.
    pub severity: String,
    /// Its category.
    pub category: String,
    /// succeeded or failed.
    pub status: String,
    /// Why it failed.
    #[serde(default)]
    pub error: Option<String>,
    /// Assets in scope.
    pub assets: u64,
    /// Those that violate.
    pub violating: u64,
    /// Those that are exempt.
    pub exempt: u64,
    /// Those that could not be judged.
    pub unknown: u64,
    /// Those that pass.
    pub passing: u64,
    /// Open issues.
    pub open_issues: u64,
    /// PacBot's compliance.
    pub compliance_percent: i64,
}

/// A row of `account_status`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AccountPart {
    /// The account.
    pub account_id: String,
    /// What people call it.
    #[serde(default)]
    pub account_name: String,
    /// Its assets.
    pub assets: u64,
    /// Its open issues.
    pub open_issues: u64,
    /// Those that are critical.
    pub open_critical: u64,
    /// Those that are high.
    pub open_high: u64,
    /// Those that are medium.
    pub open_medium: u64,
    /// Those that are low.
    pub open_low: u64,
    /// Issues that could not be judged.
    pub unknown_issues: u64,
    /// Requests without a whole answer.
    pub unanswered_requests: u64,
}

/// How many issues changed for one cause.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChangeCount {
    /// The cause, as in `issue_events`.
    pub cause: String,
    /// How many.
    pub issues: u64,
}

/// A row of `run_changes`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// Why it changed.
    pub cause: String,
    /// Its state now.
    pub to_state: String,
    /// Its severity.
    pub severity: String,
    /// The policy.
    pub policy_id: String,
    /// The account.
    pub account_id: String,
    /// What people call it.
    #[serde(default)]
    pub account_name: Option<String>,
    /// The region.
    pub region: String,
    /// The asset.
    pub asset_id: String,
    /// What people call it.
    #[serde(default)]
    pub asset_name: Option<String>,
    /// What is or was wrong.
    #[serde(default)]
    pub reason: Option<String>,
    /// The issue.
    pub issue_id: String,
}

/// A row of `unjudged`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Unjudged {
    /// The account.
    pub account_id: String,
    /// What people call it.
    #[serde(default)]
    pub account_name: String,
    /// The scope's region.
    pub region: String,
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
