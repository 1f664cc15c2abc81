//! Reads asset types from cloud APIs: an asset type file and a scope in, record batches and coverage out.
//!
//! A [`Collector`] reads one asset type of one scope ([`collectors`] makes them from the files);
//! [`collect_all()`] runs many. What comes out is either whole or said not to be: every request of every scope
//! has its [`Coverage`], and a scope whose list was not read to its end has no assets at all. Memory is bounded
//! by [`StagingRoom`], not by the number of assets.
//!
//! Nothing here knows a lake, a policy or a query engine; calls are made by the crate `cloud`.

mod api_calls;
mod api_request;
mod assemble;
mod collect_all;
mod collector;
mod coverage;
mod decode;
mod derive;
mod follow_up;
mod joined;
mod listing;
mod native;
mod pager;
mod paging;
mod patience;
mod reader;
mod scope_run;
mod source;
mod staging;
mod template_call;
#[cfg(test)]
mod testing;
mod values;
mod wanted;

pub use api_calls::{ApiCall, api_calls};
pub use api_request::filled_value;
pub use collect_all::{Plan, Progress, TypeResult, collect_all};
pub use collector::{Collector, RunContext, ScopeResult, collectors};
pub use coverage::Coverage;
pub use staging::{StagedAssets, StagingError, StagingRoom};
pub use template_call::{answer_to_json, template_call};
pub use values::Lookup;
pub use wanted::Wanted;
