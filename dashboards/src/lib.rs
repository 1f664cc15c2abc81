//! What people see of the lake: SQL views, and the report that is made of them.
//!
//! A number that is shown in two places is one view ([`VIEWS`]). Nothing here talks to a cloud or changes the
//! lake.

mod compliance;
mod domain;
mod framework;
mod layout;
mod lazy_views;
mod look;
mod report;
mod run_page;
mod views;

pub use compliance::{ComplianceError, last_of_each_day, record_compliance};
pub use domain::{Domain, usual_weight};
pub use framework::{Assessment, Framework, FrameworkScore, Item, ItemScore, ItemStatus};
pub use layout::{Align, columns, counted};
pub use look::{Lens, Look, LookError};
pub use report::{CAUSES, CHANGES_TOLD, Report, ReportError, RunPart, Scores, TextOptions};
pub use run_page::{PolicyOfRun, RunPage, ScopeOfRun, StageOfRun};
pub use views::{IssueCount, VIEWS, issue_counts, open_issues};
