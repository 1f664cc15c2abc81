//! Fixes that need more than requests and conditions: one file each.

use std::sync::Arc;

use crate::fix::Fix;

mod access_policy;
mod api;
mod open_groups;
mod search_domain;
mod tags;

/// All of them.
pub(crate) fn fixes() -> Vec<Arc<dyn Fix>> {
    let mut fixes: Vec<Arc<dyn Fix>> = Vec::new();
    fixes.extend(open_groups::fixes());
    fixes.extend(access_policy::fixes());
    fixes.extend(search_domain::fixes(&fixes));
    fixes.extend(tags::TagFix::new().map(|fix| Arc::new(fix) as Arc<dyn Fix>));
    fixes
}

#[cfg(test)]
mod tests;
