//! Jobs: what is done with the violations of an evaluation.
//!
//! [`diff()`] turns the difference between two evaluations into issues that open and close; [`notify`] tells people.
//!
//! Nothing here talks to a cloud or evaluates a policy.

mod diff;
pub mod notify;

pub use diff::{DiffError, Diffed, diff};
