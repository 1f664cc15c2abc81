//! How far a collection or an evaluation has come: a bar where people watch, plain lines where not.

use std::sync::atomic::{AtomicU64, Ordering};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use pacbot_collect::{Progress, ScopeResult};
use pacbot_dashboards::counted;
use pacbot_lake::Landed;
use pacbot_schemas::{AssetType, Scope};

use crate::collection::Watcher;
use crate::execution::{is_watched, say};

/// One bar, whatever the number of scopes.
pub(crate) struct Bar {
    bar: Option<ProgressBar>,
    rows: AtomicU64,
    errors: AtomicU64,
}

impl Bar {
    /// A bar of unknown length, drawn only when standard error is a terminal.
    pub(crate) fn new(what: &'static str) -> Self {
        let bar = is_watched().then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            let style = "{prefix} [{bar:30}] {pos}/{len}  {msg}  {elapsed}";
            // The default style says the same with less.
            bar.set_style(ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar.set_prefix(what);
            bar
        });
        Self { bar, rows: AtomicU64::new(0), errors: AtomicU64::new(0) }
    }

    /// How many steps there are.
    pub(crate) fn length(&self, steps: u64) {
        if let Some(bar) = &self.bar {
            bar.set_length(steps);
        }
    }

    /// One step is done.
    pub(crate) fn step(&self, message: String) {
        if let Some(bar) = &self.bar {
            bar.set_message(message);
            bar.inc(1);
        }
    }

    /// A line for logs; the bar says it in its own way.
    pub(crate) fn line(&self, line: &str) {
        if self.bar.is_none() {
            say(line);
        }
    }

    /// Takes the bar away.
    pub(crate) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

impl Progress for Bar {
    fn started(&self, asset_type: &AssetType, scope: &Scope) {
        tracing::debug!(%asset_type, %scope, "asking for {asset_type}");
    }

    fn finished(&self, result: &ScopeResult) {
        let errors = result.coverage.iter().filter(|row| row.error.is_some()).count() as u64;
        let rows = self.rows.fetch_add(result.assets.rows(), Ordering::Relaxed) + result.assets.rows();
        let errors = self.errors.fetch_add(errors, Ordering::Relaxed) + errors;
        self.step(format!("{rows} assets, {errors} errors  {}", result.asset_type));
    }
}

impl Watcher for Bar {
    fn planned(&self, accounts: usize, types: usize, scopes: usize) {
        self.length(scopes as u64);
        self.line(&format!(
            "collecting {} of {}, {}",
            counted(types as u64, "asset type", "asset types"),
            counted(accounts as u64, "account", "accounts"),
            counted(scopes as u64, "scope", "scopes")
        ));
    }

    fn landed(&self, asset_type: &AssetType, landed: &Landed, problems: usize) {
        let change = if landed.changed { "" } else { ", as before" };
        let problems = match problems as u64 {
            0 => String::new(),
            count => format!(", {} not answered whole", counted(count, "request", "requests")),
        };
        let assets = counted(landed.assets, "asset", "assets");
        self.line(&format!("{asset_type}: {assets}{change}{problems}"));
    }
}
