//! The report on a terminal.

use std::collections::BTreeMap;

use super::{Change, PolicyPart, Report, Unjudged};
use crate::layout::{Align, columns, counted};

/// How the text is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TextOptions {
    /// Characters a line.
    pub width: usize,
    /// Passing policies too, and all changes.
    pub all: bool,
}

impl Default for TextOptions {
    fn default() -> Self {
        Self { width: 100, all: false }
    }
}

/// Changes of one cause that are named; the others are counted.
const NAMED: usize = 5;

/// Causes of `issue_events` in the order of their interest, with the words for them.
pub const CAUSES: &[(&str, &str)] = &[
    ("opened", "opened"),
    ("reopened", "opened again"),
    ("judged_again", "could be judged again, and is open"),
    ("fixed", "closed: fixed"),
    ("asset_gone", "closed: the asset is gone"),
    ("out_of_scope", "closed: the scope was withdrawn"),
    ("policy_retired", "closed: the policy was retired"),
    ("not_covered", "unknown: could not be read"),
    ("policy_failed", "unknown: the policy failed"),
];

impl Report {
    /// The report as lines of text.
    #[must_use]
    pub fn to_text(&self, options: TextOptions) -> String {
        let parts = [
            self.head(options),
            self.by_severity(options),
            self.by_policy(options),
            self.since_last_run(options),
            self.not_judged(options),
        ];
        let parts: Vec<String> =
            parts.into_iter().filter(|lines| !lines.is_empty()).map(|lines| lines.join("\n")).collect();
        parts.join("\n\n") + "\n"
    }

    /// What the newest run changed, as lines of text.
    #[must_use]
    pub fn changes_to_text(&self, options: TextOptions) -> String {
        self.since_last_run(options).join("\n") + "\n"
    }

    fn head(&self, _: TextOptions) -> Vec<String> {
        let run = &self.run;
        let passing = match self.scores.passing_percent {
            Some(percent) => format!("{percent:.1} % of what was judged passes"),
            None => "nothing could be judged".to_owned(),
        };
        let judged = self.scores.judged_percent.map(|percent| format!(", {percent:.1} % could be judged"));
        let classic = self.scores.classic_percent.map(|percent| format!("; classic score {percent} %"));
        vec![
            format!("Report of {} (run {})", run.run_at.format("%Y-%m-%d %H:%M UTC"), run.run_id),
            format!(
                "{}, {}, {}",
                counted(self.accounts.len() as u64, "account", "accounts"),
                counted(run.assets, "asset", "assets"),
                counted(self.policies.len() as u64, "policy", "policies")
            ),
            format!("Score: {passing}{}{}", judged.unwrap_or_default(), classic.unwrap_or_default()),
        ]
    }

    fn by_severity(&self, options: TextOptions) -> Vec<String> {
        let head = ["severity", "open issues", "exempt", "unknown", "policies violated"].map(str::to_owned).to_vec();
        let rows = self.severities.iter().map(|part| {
            vec![
                part.severity.clone(),
                part.open_issues.to_string(),
                part.exempt_issues.to_string(),
                part.unknown_issues.to_string(),
                format!("{} of {}", part.violated_policies, part.policies),
            ]
        });
        let rows: Vec<_> = std::iter::once(head).chain(rows).collect();
        let right = Align::Right;
        columns(&rows, &[Align::Left, right, right, right, right], 0, &[0], options.width)
    }

    fn by_policy(&self, options: TextOptions) -> Vec<String> {
        let tells =
            |policy: &&PolicyPart| policy.violating + policy.exempt + policy.unknown > 0 || policy.status == "failed";
        let told: Vec<&PolicyPart> = self.policies.iter().filter(|policy| options.all || tells(policy)).collect();
        let head = ["policy", "severity", "violating", "exempt", "unknown"].map(str::to_owned).to_vec();
        let rows = told.iter().map(|policy| {
            let unknown = match (policy.status.as_str(), policy.unknown) {
                ("failed", _) => "failed".to_owned(),
                (_, 0) => String::new(),
                (_, unknown) => unknown.to_string(),
            };
            let violating = format!("{} of {}", policy.violating, policy.assets);
            let exempt = if policy.exempt == 0 { String::new() } else { policy.exempt.to_string() };
            vec![policy.policy_id.clone(), policy.severity.clone(), violating, exempt, unknown]
        });
        let rows: Vec<_> = std::iter::once(head).chain(rows).collect();
        let mut lines = {
            let right = Align::Right;
            columns(&rows, &[Align::Left, Align::Left, right, right, right], 0, &[0], options.width)
        };
        let failed = told.iter().filter_map(|policy| Some((policy, policy.error.as_ref()?)));
        lines.extend(failed.map(|(policy, error)| format!("{} failed: {error}", policy.policy_id)));
        let passing = self.policies.len() - told.len();
        if passing > 0 {
            let passing = counted(passing as u64, "more policy has", "more policies have");
            lines.push(format!("{passing} no violation (--all shows them)"));
        }
        lines
    }

    fn since_last_run(&self, options: TextOptions) -> Vec<String> {
        let mut lines = vec![match self.run.previous_at {
            Some(at) => format!("Changes since {}", at.format("%Y-%m-%d %H:%M UTC")),
            None => "Changes in this first run".to_owned(),
        }];
        if self.changes.is_empty() {
            lines.push("  none".to_owned());
        }
        for (cause, words) in CAUSES {
            let count = self.changes_for(cause);
            if count == 0 {
                continue;
            }
            lines.push(format!("  {count} {words}"));
            let named = if options.all { usize::MAX } else { NAMED };
            let of_cause: Vec<&Change> =
                self.changed.iter().filter(|change| change.cause == *cause).take(named).collect();
            let rows: Vec<_> = of_cause.iter().map(|change| cells(change)).collect();
            lines.extend(columns(&rows, &[Align::Left, Align::Left, Align::Left], 4, &[0, 1], options.width));
            let more = count.saturating_sub(of_cause.len() as u64);
            if more > 0 {
                lines.push(format!("    and {more} more"));
            }
        }
        lines
    }

    /// Requests that failed in the same way in one account stand in one line.
    fn not_judged(&self, options: TextOptions) -> Vec<String> {
        let mut groups: BTreeMap<(&str, &str, &str, &str), Vec<&Unjudged>> = BTreeMap::new();
        for row in &self.unjudged {
            let key = (row.account_id.as_str(), row.asset_type.as_str(), row.request.as_str(), row.status.as_str());
            groups.entry(key).or_default().push(row);
        }
        if groups.is_empty() {
            return Vec::new();
        }
        let mut lines = vec!["Not known, and so not judged".to_owned()];
        let named = if options.all { usize::MAX } else { 2 * NAMED };
        for rows in groups.values().take(named) {
            let Some(first) = rows.first() else { continue };
            let regions: Vec<&str> = rows.iter().map(|row| row.region.as_str()).collect();
            let account = if first.account_name.is_empty() { &first.account_id } else { &first.account_name };
            lines.push(format!(
                "  {account} ({}): {}, request {} {} in {}",
                first.account_id,
                first.asset_type,
                first.request,
                first.status,
                regions.join(", ")
            ));
            match (&first.missing_permission, &first.error) {
                (Some(permission), _) => lines.push(format!("    grant {permission}")),
                (None, Some(error)) => lines.push(format!("    {error}")),
                (None, None) => {}
            }
            let policies = rows.iter().map(|row| row.policies).max().unwrap_or_default();
            let since = first.answered_at.map_or("never answered yet".to_owned(), |at| {
                format!("last answered {}", at.format("%Y-%m-%d %H:%M UTC"))
            });
            let policies = counted(policies, "policy", "policies");
            lines.push(format!("    {policies} could not judge everything; {since}"));
        }
        let more = groups.len().saturating_sub(named);
        if more > 0 {
            lines.push(format!("  and {more} more (--all shows them)"));
        }
        lines
    }
}

fn cells(change: &Change) -> Vec<String> {
    let account = change.account_name.as_ref().unwrap_or(&change.account_id);
    vec![change.policy_id.clone(), change.asset_id.clone(), account.clone()]
}
