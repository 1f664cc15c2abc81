//! Evaluates the SQL policies against one snapshot and yields violations.
//!
//! Every policy of a run reads the same table versions, so two policies never disagree about what existed.
//! A policy that fails is a row of its own and stops no other.
//!
//! Nothing here talks to a cloud API or decides what becomes of a violation; see the crates `collect` and
//! `jobs`.

mod account_assets;
mod again;
mod catalog;
mod cell;
mod coverage;
mod engine;
mod evaluation;
mod findings;
mod fused;
mod judging;
mod local;
mod members;
mod of_accounts;
mod overrides;
mod parameter;
mod planned;
mod policy;
mod policy_test;
mod reuse;
mod row_policy;
mod scoping;
mod sharing;
mod subjects;
mod violation;

pub use catalog::{COLUMNS, Catalog, Checked};
pub use coverage::{BlindScope, Gap, OutsideRegion, UnreadRequest};
pub use engine::{Engine, InProcess};
pub use evaluation::{EvaluateError, Evaluation, Part, PolicyRun, Task, evaluate};
pub use overrides::Overrides;
pub use parameter::ParameterType;
pub use policy::{How, Parameter, Policy};
pub use policy_test::{TEST_TIME, test_policy};
pub use scoping::{PolicyScopes, Scoping};
pub use violation::issue_id;
