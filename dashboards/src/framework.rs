//! Frameworks: benchmarks and rule books whose items name the policies that answer them.
//!
//! A framework is one file of `policies-sql/frameworks/`. An item without a policy says why it has none. What a policy
//! found is not known here: [`Framework::score`] takes it from a report.

use std::collections::BTreeMap;

use include_dir::{Dir, include_dir};
use pacbot_schemas::{PolicyId, SourceError};
use serde::{Deserialize, Serialize};
use toml::Spanned;

use crate::layout::{Align, columns, counted};
use crate::report::{PolicyPart, Report, TextOptions};

static FILES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../policies-sql/frameworks");

/// A framework as its file says.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Framework {
    /// What `--framework` takes, for example `cis-aws-3.0`.
    pub id: String,
    /// Its name.
    pub title: String,
    /// Where it is published.
    pub source: String,
    /// Its items in their order.
    pub item: Vec<Item>,
}

/// What a framework asks for.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Item {
    /// Its number or name in the framework.
    pub id: Spanned<String>,
    /// What it asks for, in our words.
    #[serde(default)]
    pub title: String,
    /// The framework's level, from 1.
    #[serde(default)]
    pub level: Option<u8>,
    /// Whether a program can answer it.
    #[serde(default)]
    pub assessment: Assessment,
    /// The policies that answer it together.
    #[serde(default)]
    pub policies: Vec<PolicyId>,
    /// Why it has no policy.
    #[serde(default)]
    pub reason: Option<String>,
}

/// Whether a program can answer an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Assessment {
    /// By what APIs answer.
    #[default]
    Automated,
    /// People look.
    Manual,
}

/// How an item stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ItemStatus {
    /// All of its policies were judged everywhere and found nothing.
    Passed,
    /// A policy of it is violated.
    Failed,
    /// No violation, but something could not be judged, or a policy did not run.
    Unknown,
    /// People look: no policy answers it.
    Manual,
    /// A program could answer it, but no policy does.
    Unanswered,
}

/// An item with what its policies found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ItemScore {
    /// The item.
    pub id: String,
    /// What it asks for.
    pub title: String,
    /// Its level.
    pub level: Option<u8>,
    /// Whether the framework holds that a program can answer it.
    pub assessment: Assessment,
    /// How it stands.
    pub status: ItemStatus,
    /// Its policies.
    pub policies: Vec<PolicyId>,
    /// Pairs of policy and asset.
    pub assets: u64,
    /// Those that violate.
    pub violating: u64,
    /// Those that could not be judged.
    pub unknown: u64,
    /// Why no policy answers it.
    pub reason: Option<String>,
}

/// A framework with what its policies found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FrameworkScore {
    /// The framework.
    pub id: String,
    /// Its name.
    pub title: String,
    /// The run that judged.
    pub run_id: String,
    /// Whole percent of the items that were judged that passed; absent when none was.
    pub passed_percent: Option<u64>,
    /// Its items in their order.
    pub items: Vec<ItemScore>,
}

impl Framework {
    /// Parses a file.
    ///
    /// # Errors
    ///
    /// The first mistake: bad TOML, an item twice, an item with both or neither of policies and a reason.
    pub fn parse(file: &str, text: &str) -> Result<Self, Box<SourceError>> {
        let framework: Self = toml::from_str(text).map_err(|error| SourceError::from_toml(file, text, 0, &error))?;
        for (place, item) in framework.item.iter().enumerate() {
            let id = item.id.get_ref();
            let wrong = |message: String| Err(Box::new(SourceError::at(file, text, item.id.span(), message)));
            if framework.item.iter().take(place).any(|earlier| earlier.id.get_ref() == id) {
                return wrong(format!("item `{id}` stands twice"));
            }
            if item.policies.is_empty() == item.reason.is_none() {
                return wrong(format!("item `{id}` needs `policies`, or a `reason` why it has none"));
            }
        }
        Ok(framework)
    }

    /// The files of the frameworks that come with the program: name and text.
    pub fn embedded_files() -> impl Iterator<Item = (String, &'static str)> {
        FILES.files().filter(|file| file.path().extension().is_some_and(|end| end == "toml")).filter_map(|file| {
            Some((format!("policies-sql/frameworks/{}", file.path().display()), file.contents_utf8()?))
        })
    }

    /// The frameworks that come with the program.
    ///
    /// # Errors
    ///
    /// The first mistake in one of them.
    pub fn embedded() -> Result<Vec<Self>, Box<SourceError>> {
        Self::embedded_files().map(|(file, text)| Self::parse(&file, text)).collect()
    }

    /// How its items stand by a report.
    #[must_use]
    pub fn score(&self, report: &Report) -> FrameworkScore {
        let found: BTreeMap<&str, &PolicyPart> =
            report.policies.iter().map(|policy| (policy.policy_id.as_str(), policy)).collect();
        let items: Vec<ItemScore> = self.item.iter().map(|item| scored(item, &found)).collect();
        let with = |status| items.iter().filter(|item| item.status == status).count() as u64;
        let (passed, failed) = (with(ItemStatus::Passed), with(ItemStatus::Failed));
        FrameworkScore {
            id: self.id.clone(),
            title: self.title.clone(),
            run_id: report.run.run_id.clone(),
            passed_percent: (passed * 100).checked_div(passed + failed),
            items,
        }
    }
}

fn scored(item: &Item, found: &BTreeMap<&str, &PolicyPart>) -> ItemScore {
    let parts: Vec<&PolicyPart> = item.policies.iter().filter_map(|id| found.get(id.as_str()).copied()).collect();
    let sum = |count: fn(&PolicyPart) -> u64| parts.iter().map(|part| count(part)).sum::<u64>();
    let (violating, unknown) = (sum(|part| part.violating), sum(|part| part.unknown));
    let is_whole = parts.len() == item.policies.len() && parts.iter().all(|part| part.status != "failed");
    let status = match (item.policies.is_empty(), violating, unknown) {
        (true, ..) if item.assessment == Assessment::Manual => ItemStatus::Manual,
        (true, ..) => ItemStatus::Unanswered,
        (_, 1.., _) => ItemStatus::Failed,
        (_, 0, 0) if is_whole => ItemStatus::Passed,
        _ => ItemStatus::Unknown,
    };
    ItemScore {
        id: item.id.get_ref().clone(),
        title: item.title.clone(),
        level: item.level,
        assessment: item.assessment,
        status,
        policies: item.policies.clone(),
        assets: sum(|part| part.assets),
        violating,
        unknown,
        reason: item.reason.clone(),
    }
}

impl FrameworkScore {
    /// The score as lines of text; items that no policy answers are counted, and listed with `all`.
    #[must_use]
    pub fn to_text(&self, options: TextOptions) -> String {
        let with = |status| self.items.iter().filter(move |item: &&ItemScore| item.status == status);
        let judged = (with(ItemStatus::Passed).count() + with(ItemStatus::Failed).count()) as u64;
        let score = match self.passed_percent {
            Some(percent) => format!("{percent} % of {} that were judged passed", counted(judged, "item", "items")),
            None => "nothing could be judged".to_owned(),
        };
        let mut lines = vec![format!("{} (run {})", self.title, self.run_id), score, String::new()];
        let head = ["item", "level", "status", "violating", "unknown", "what"].map(str::to_owned).to_vec();
        let told = self.items.iter().filter(|item| options.all || !item.policies.is_empty());
        let rows = told.map(|item| {
            let number = |count: u64| if count == 0 { String::new() } else { count.to_string() };
            let what = match (&item.reason, item.title.is_empty()) {
                (Some(reason), _) => reason.clone(),
                (None, false) => item.title.clone(),
                (None, true) => item.policies.iter().map(PolicyId::as_str).collect::<Vec<_>>().join(", "),
            };
            let status = match item.status {
                ItemStatus::Passed => "passed",
                ItemStatus::Failed => "failed",
                ItemStatus::Unknown => "unknown",
                ItemStatus::Manual => "manual",
                ItemStatus::Unanswered => "unanswered",
            };
            let level = item.level.map(|level| level.to_string()).into_iter();
            let by_hand = (item.assessment == Assessment::Manual).then(|| "manual".to_owned());
            vec![
                item.id.clone(),
                level.chain(by_hand).collect::<Vec<_>>().join(" "),
                status.to_owned(),
                format!("{} of {}", item.violating, item.assets),
                number(item.unknown),
                what,
            ]
        });
        let rows: Vec<_> = std::iter::once(head).chain(rows).collect();
        let aligns = [Align::Left, Align::Left, Align::Left, Align::Right, Align::Right, Align::Left];
        lines.extend(columns(&rows, &aligns, 0, &[0, 5], options.width));
        let unanswered = self.items.iter().filter(|item| item.policies.is_empty()).count() as u64;
        if unanswered > 0 && !options.all {
            let unanswered = counted(unanswered, "more item has", "more items have");
            lines.push(format!("{unanswered} no policy (--all says why)"));
        }
        lines.join("\n") + "\n"
    }
}

#[cfg(test)]
mod tests;
