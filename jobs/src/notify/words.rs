//! The words that all channels use for the same thing.

use chrono::{DateTime, Utc};
use pacbot_dashboards::{CAUSES, counted};
use pacbot_schemas::EventKind;

/// A cause of `issue_events` in words.
pub(crate) fn cause(cause: &str) -> &str {
    CAUSES.iter().find(|(name, _)| *name == cause).map_or(cause, |(_, words)| *words)
}

/// A number of events of one kind.
pub(crate) fn events(kind: EventKind, count: u64) -> String {
    match kind {
        EventKind::Opened => format!("{count} opened"),
        EventKind::Reopened => format!("{count} opened again"),
        EventKind::Closed => format!("{count} closed"),
        EventKind::NotCovered => format!("{count} unknown"),
        EventKind::CollectorFailing => counted(count, "request unanswered", "requests unanswered"),
        EventKind::ComplianceDrop => "a score fell".to_owned(),
        EventKind::ExceptionExpiring => counted(count, "exception ends soon", "exceptions end soon"),
        EventKind::FixWarning => counted(count, "fix announced", "fixes announced"),
        EventKind::FixDone => counted(count, "fix done", "fixes done"),
        EventKind::Digest => counted(count, "digest", "digests"),
    }
}

/// A time, to the minute.
pub(crate) fn minute(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M UTC").to_string()
}

/// A percentage as the report shows it; `n/a` when there is nothing that it could be of.
pub(crate) fn percent(percent: Option<f64>) -> String {
    percent.map_or_else(|| "n/a".to_owned(), |percent| format!("{percent:.1} %"))
}

/// An account as people know it, with its id.
pub(crate) fn account(name: Option<&str>, id: &str) -> String {
    match name {
        Some(name) if !name.is_empty() && name != id => format!("{name} ({id})"),
        _ => id.to_owned(),
    }
}
