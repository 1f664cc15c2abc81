//! What people see of the lake: SQL views, and the report that is made of them.
//!
//! A number that is shown in two places is one view ([`register_views`]). Nothing here talks to a cloud or changes the
//! lake.

mod framework;
mod layout;
mod report;
mod views;

pub use framework::{Assessment, Framework, FrameworkScore, Item, ItemScore, ItemStatus};
pub use layout::{Align, columns, counted};
pub use report::{CHANGES_TOLD, Report, ReportError, RunPart, Scores, TextOptions};
pub use views::{VIEWS, open_issues, register_views};
