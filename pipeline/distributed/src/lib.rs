//! Evaluation on a Ballista cluster: the client's side, a scheduler, and executors.
//!
//! A query is planned where the evaluation runs, since its session knows the lake's logs, and what is sent is the physical
//! plan: scans of named Parquet files and what is done with their rows. Whoever runs a part of it needs the lake's store,
//! which [`serve_executor`] and [`serve_scheduler`] set up, and the session's own functions, which come with the plan.
//!
//! Nothing here knows policies. Connections are neither encrypted nor authenticated: a cluster belongs on a network of
//! its own.

mod cluster;
mod cluster_exec;
mod codec;
mod error;
mod executor;
mod executors;
mod job;
mod limits;
mod planner;
mod query;
mod query_error;
mod runtime;
mod scheduler;
#[cfg(test)]
mod stub_scheduler;

pub use cluster::Cluster;
pub use error::DistributedError;
pub use executor::{ExecutorSettings, serve_executor};
pub use scheduler::{SchedulerSettings, serve_scheduler};
