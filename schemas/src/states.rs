//! The states that rows of our own tables are in. Tables hold the text, code holds the enum.

macro_rules! states {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        pub enum $name {
            $(#[doc = concat!("`", $text, "`. ")] $(#[$variant_doc])* #[serde(rename = $text)] $variant,)+
        }

        impl $name {
            /// Every state, in the order of the enum.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The text that tables hold.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = String;
            fn from_str(text: &str) -> Result<Self, String> {
                Self::ALL.iter().copied().find(|state| state.as_str() == text).ok_or_else(|| {
                    format!("`{text}` is none of {}", Self::ALL.iter().map(|state| state.as_str()).collect::<Vec<_>>().join(", "))
                })
            }
        }
    };
}

states!(
    /// How bad a violation is, from low to critical.
    Severity { Low = "low", Medium = "medium", High = "high", Critical = "critical" }
);
states!(
    /// What a policy is about; the classic score weighs them.
    Category { Security = "security", Governance = "governance", CostOptimization = "costOptimization", Tagging = "tagging" }
);
states!(
    /// How a request of a collection was answered.
    CoverageStatus {
        /// Whole.
        Complete = "complete",
        /// The account does not allow it.
        Denied = "denied",
        /// Not, or not whole.
        Failed = "failed",
        /// It was not asked, since nothing reads it.
        Skipped = "skipped",
        /// Whole, but so much smaller than before that it waits for confirmation.
        Held = "held",
        /// The scope is no longer offered (an account left the organization), and nobody withdrew it.
        Vanished = "vanished",
        /// A person took the scope out of the configuration.
        Withdrawn = "withdrawn",
    }
);
states!(
    /// The state of an issue.
    IssueState { Open = "open", Exempt = "exempt", Unknown = "unknown", Closed = "closed" }
);
states!(
    /// A stage of a run.
    Stage { Collect = "collect", Evaluate = "evaluate", Diff = "diff", Fix = "fix" }
);
states!(
    /// How far a stage of a run came.
    RunStatus {
        /// It runs, or was interrupted.
        Running = "running",
        /// Everything was done.
        Complete = "complete",
        /// It ended; something could not be collected or evaluated.
        Partial = "partial",
        /// It could not end.
        Failed = "failed",
    }
);
states!(
    /// How one policy ended in one run.
    PolicyStatus { Succeeded = "succeeded", Failed = "failed" }
);
states!(
    /// What became of a job's run.
    JobState {
        /// The job is seen for the first time: nothing of it is due before.
        Known = "known",
        /// A scheduler begins its term as leader; the row is no run.
        Leads = "leads",
        /// It was claimed and has not ended.
        Running = "running",
        /// Exit code 0.
        Succeeded = "succeeded",
        /// Exit code 1: it found what it was told to fail on.
        Violations = "violations",
        /// Exit code 2: something could not be collected or evaluated.
        Partial = "partial",
        /// Another exit code, or it could not be started.
        Failed = "failed",
        /// It was killed at its deadline.
        TimedOut = "timed_out",
        /// It was killed since its scheduler stopped.
        Stopped = "stopped",
        /// Its scheduler died before it could say how it ended.
        Lost = "lost",
        /// It was due and was not run.
        Skipped = "skipped",
    }
);
states!(
    /// Why a job runs.
    JobTrigger {
        /// It is due.
        Schedule = "schedule",
        /// It was due while nobody ran.
        CatchUp = "catch_up",
        /// The attempt before failed.
        Retry = "retry",
        /// A person wants it.
        Manual = "manual",
    }
);
states!(
    /// What a notification can tell of.
    EventKind {
        /// The sum of a period.
        Digest = "digest",
        /// An issue opened for the first time.
        Opened = "opened",
        /// An issue closed, for whatever cause.
        Closed = "closed",
        /// A closed issue opened again.
        Reopened = "reopened",
        /// An issue can no longer be judged.
        NotCovered = "not_covered",
        /// A fix will be applied.
        FixWarning = "fix_warning",
        /// A fix was applied, or undone.
        FixDone = "fix_done",
        /// An exception ends soon.
        ExceptionExpiring = "exception_expiring",
        /// A request is not answered whole any more.
        CollectorFailing = "collector_failing",
        /// A score is lower than before.
        ComplianceDrop = "compliance_drop",
    }
);
states!(
    /// How far one message came.
    DeliveryState {
        /// It is to be sent.
        Queued = "queued",
        /// A process is sending it, or was killed while it did.
        Claimed = "claimed",
        /// The channel took it.
        Sent = "sent",
        /// The channel did not take it; it is tried again.
        Failed = "failed",
        /// The channel will never take it, or was tried too often.
        GivenUp = "given_up",
        /// Its recipient does not want it.
        Unsubscribed = "unsubscribed",
    }
);
states!(
    /// How far a fix goes by itself.
    FixMode {
        /// Nothing happens.
        Off = "off",
        /// What would be changed is noted.
        DryRun = "dry-run",
        /// It is announced and waits for a person.
        Approve = "approve",
        /// It is announced and applied.
        Auto = "auto",
    }
);
states!(
    /// What happened to one occurrence of an issue on the way to its fix; a row of `fix_events`.
    FixEvent {
        /// A dry run noted what would be changed.
        Planned = "planned",
        /// Somebody was told, n of m times.
        Warned = "warned",
        /// A person agreed.
        Approved = "approved",
        /// A run is about to change the asset; nobody else may.
        Claimed = "claimed",
        /// The claim was given back: nothing was changed.
        Released = "released",
        /// Every change was made.
        Applied = "applied",
        /// The live asset is as the fix wants it.
        Verified = "verified",
        /// It is not, or a change was refused.
        Failed = "failed",
        /// A person's run is about to put back what was.
        UndoClaimed = "undo_claimed",
        /// The live asset is as it was before.
        Undone = "undone",
        /// It is not.
        UndoFailed = "undo_failed",
    }
);
