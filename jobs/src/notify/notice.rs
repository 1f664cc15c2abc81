//! Notices: what another stage, such as a fix, has to say about one issue, now.
//!
//! Unlike events, notices are not found in the lake: whoever acts must know whether the notice was sent *before* it
//! acts, so it hands them over and gets an outcome for each ([`super::Notifier::deliver`]).

use chrono::{DateTime, Utc};
use pacbot_schemas::{EventKind, Severity};
use serde::{Deserialize, Serialize};

use super::event::Told;
use super::settings::NotifySettings;
use super::words;

/// What a notice is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoticeKind {
    /// A fix will be applied.
    FixWarning,
    /// A fix was applied.
    FixDone,
    /// A fix was undone.
    FixUndone,
    /// A fix could not be applied.
    FixFailed,
    /// A fix is left out, since an exception covers the issue.
    Exempted,
}

/// Something that is about to happen, or has happened, to one asset.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Notice {
    /// What it is about. As JSON it is `notice`: a message has a `kind` of its own.
    #[serde(rename = "notice")]
    pub kind: NoticeKind,
    /// Addresses of those who are told in any case, beside who subscribed.
    pub recipients: Vec<String>,
    /// The issue.
    pub issue_id: String,
    /// Its occurrence.
    pub occurrence: u64,
    /// Its severity.
    pub severity: Severity,
    /// The policy.
    pub policy_id: String,
    /// Its title.
    pub policy_title: String,
    /// The asset's type.
    pub asset_type: String,
    /// The asset.
    pub asset_id: String,
    /// What people call it.
    #[serde(default)]
    pub asset_name: Option<String>,
    /// The account.
    pub account_id: String,
    /// What people call it.
    #[serde(default)]
    pub account_name: Option<String>,
    /// The region.
    pub region: String,
    /// The fix, for example `aws-s3-enable-versioning`.
    pub fix: String,
    /// What will be, or was, done, in a sentence.
    pub what: String,
    /// When it will be, or was, done.
    pub at: DateTime<Utc>,
    /// Which warning of this fix it is, from 1.
    pub number: u32,
    /// How many there are before the fix.
    pub of: u32,
    /// How the owner can keep it from happening, or undo it.
    #[serde(default)]
    pub objection: Option<String>,
    /// The run that it belongs to.
    pub run_id: String,
    /// That run's time.
    pub run_at: DateTime<Utc>,
}

/// How a notice went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Everybody was told, now or before.
    Delivered,
    /// Nobody is to be told: no recipient, no subscription, or all unsubscribed.
    NobodyToTell,
    /// Somebody was not told; it is tried again. In a line, why.
    Failed(String),
}

impl NoticeKind {
    /// The event that subscriptions name it by.
    #[must_use]
    pub fn event(self) -> EventKind {
        match self {
            Self::FixWarning => EventKind::FixWarning,
            Self::FixDone | Self::FixUndone | Self::FixFailed => EventKind::FixDone,
            Self::Exempted => EventKind::ExceptionExpiring,
        }
    }

    fn label(self) -> &'static str {
        match self {
            Self::FixWarning => "fix announced",
            Self::FixDone => "fixed",
            Self::FixUndone => "fix undone",
            Self::FixFailed => "fix failed",
            Self::Exempted => "exempt",
        }
    }
}

impl Notice {
    /// What keeps it from being sent twice.
    #[must_use]
    pub fn key(&self) -> String {
        let Self { fix, issue_id, occurrence, .. } = self;
        match self.kind {
            // A warning that is tried again later says another time and is the same.
            NoticeKind::FixWarning => format!("fix_warning/{fix}/{issue_id}/{occurrence}/{}", self.number),
            other => format!("{other:?}/{fix}/{issue_id}/{occurrence}/{}", self.at.to_rfc3339()).to_lowercase(),
        }
    }

    /// Its subject.
    #[must_use]
    pub fn subject(&self) -> String {
        let asset = self.asset();
        match self.kind {
            NoticeKind::FixWarning => {
                format!(
                    "{asset} will be changed on {} (warning {} of {})",
                    words::minute(self.at),
                    self.number,
                    self.of
                )
            }
            NoticeKind::FixDone => format!("{asset} was changed: {}", self.policy_title),
            NoticeKind::FixUndone => format!("{asset} was changed back"),
            NoticeKind::FixFailed => format!("{asset} could not be changed: {}", self.policy_title),
            NoticeKind::Exempted => format!("{asset} is exempt from a fix until {}", words::minute(self.at)),
        }
    }

    /// What people call the asset.
    #[must_use]
    pub fn asset(&self) -> &str {
        self.asset_name.as_deref().filter(|name| !name.is_empty()).unwrap_or(&self.asset_id)
    }

    /// The account as people know it.
    #[must_use]
    pub fn account(&self) -> String {
        words::account(self.account_name.as_deref(), &self.account_id)
    }

    /// The notice in words.
    #[must_use]
    pub fn told(&self, settings: &NotifySettings) -> Told {
        let when = match self.kind {
            NoticeKind::FixWarning => {
                format!("on {}; this is warning {} of {}", words::minute(self.at), self.number, self.of)
            }
            NoticeKind::Exempted => format!("until {}", words::minute(self.at)),
            NoticeKind::FixDone | NoticeKind::FixUndone | NoticeKind::FixFailed => {
                format!("on {}", words::minute(self.at))
            }
        };
        let place = format!("{} · {} · {}", self.account(), self.region, self.asset_type);
        let details =
            [format!("{} ({when})", self.what), place, self.asset_id.clone(), format!("policy {}", self.policy_id)];
        Told {
            label: self.kind.label().to_owned(),
            severity: Some(self.severity),
            headline: format!("{}: {}", self.asset(), self.policy_title),
            details: details.into_iter().chain(self.objection.clone()).collect(),
            link: settings.link(&["issues", &self.issue_id]).map(String::from),
        }
    }
}
