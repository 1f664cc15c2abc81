//! Jobs: what is done with the violations of an evaluation.
//!
//! [`diff()`] turns the difference between two evaluations into issues that open and close. A [`Warner`] tells people of
//! what is going to be fixed; fixing itself is the crate `fix`, which holds cloud keys.
//!
//! Nothing here talks to a cloud or evaluates a policy.

mod diff;
mod warning;

pub use diff::{DiffError, Diffed, diff};
pub use warning::{FolderWarner, Notice, Undelivered, Warner};
