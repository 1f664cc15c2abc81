//! Fixes: violations are repaired, announced, verified and undone.
//!
//! A [`Fix`] reads, changes and restores one asset; most are files ([`Fixes`]), some are Rust. For each occurrence of an
//! issue [`next_step`] says what comes next: a dry run, a warning, waiting, a claim. A [`Runner`] takes the steps, and
//! asks the switch ([`stopped`]) and the claim again right before every single change. What happened is in the lake's
//! table `fix_events`, and nowhere else: a process may be killed between any two events.
//!
//! Deny by default: nothing happens outside listed accounts, above a cap, without every warning delivered, to an issue
//! that is not open, or while somebody has stopped fixes.
//!
//! Nothing here collects or evaluates: fresh violating rows are what the caller's evaluation of the moment says.

mod approval;
mod caps;
mod condition;
mod custom;
mod declared;
mod definition;
mod events;
mod facts;
mod fix;
mod guard;
mod keepers;
mod live;
mod machine;
mod native;
mod registry;
mod resolve;
mod results;
mod runner;
mod settings;
mod state;
mod survey;
#[cfg(test)]
mod testing;
mod undo;
mod warner;
mod windows;

pub use approval::{approve, issues_that_begin};
pub use caps::{Cap, Spent};
pub use custom::CustomSettings;
pub use events::{Author, Control, ControlRow, EventRow, FixLakeError, Plan, stopped, turn};
pub use fix::{About, Fix, FixError, Job, Made, ParameterDef, ParameterKind, Parameters, State, Target};
pub use live::{Guard, Live, ReadOnly};
pub use machine::{Awaits, Circumstances, Issue, Past, Step, Why, next_step};
pub use registry::Fixes;
pub use runner::{Outcome, Runner};
pub use settings::{Caps, FixSettings, RuleSettings, Rules};
pub use survey::{FixedPolicy, Surveyed, Surveyor, is_on};
pub use undo::UndoOptions;
pub use warner::Warner;
pub use windows::Window;
