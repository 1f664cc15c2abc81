//! The seeded estate, and the truth about it; see `tests/estate/README.md`.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use crate::servers::{estate_file, python};

/// Ids by account and region.
pub(crate) type Places = BTreeMap<String, BTreeMap<String, Vec<String>>>;

/// What is true on a day.
#[derive(Debug, Deserialize)]
pub(crate) struct Truth {
    pub(crate) accounts: Vec<Account>,
    /// By table.
    pub(crate) observed: BTreeMap<String, Places>,
    /// By policy.
    pub(crate) flags: BTreeMap<String, Places>,
    #[serde(default)]
    pub(crate) fixed: Vec<Flag>,
    #[serde(default)]
    pub(crate) gone: Vec<Flag>,
    #[serde(default)]
    pub(crate) opened: Vec<Flag>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Account {
    pub(crate) id: String,
    pub(crate) name: String,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct Flag {
    pub(crate) policy: String,
    pub(crate) account: String,
    pub(crate) region: String,
    pub(crate) asset: String,
}

impl Truth {
    pub(crate) fn read(file: &Path) -> Self {
        serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()
    }

    pub(crate) fn all_flags(&self) -> Vec<Flag> {
        let mut flags = Vec::new();
        for (policy, places) in &self.flags {
            for (account, regions) in places {
                for (region, asset) in regions.iter().flat_map(|(region, ids)| ids.iter().map(move |id| (region, id))) {
                    let (policy, account, region) = (policy.clone(), account.clone(), region.clone());
                    flags.push(Flag { policy, account, region, asset: asset.clone() });
                }
            }
        }
        flags
    }

    pub(crate) fn account(&self, name: &str) -> &str {
        &self.accounts.iter().find(|account| account.name == name).unwrap().id
    }
}

/// An issue as the tests compare it.
#[derive(Debug, Deserialize)]
pub(crate) struct Issue {
    pub(crate) policy_id: String,
    pub(crate) account_id: String,
    pub(crate) region: String,
    pub(crate) asset_id: String,
    pub(crate) state: String,
    pub(crate) cause: String,
    pub(crate) run_id: String,
}

pub(crate) const ISSUES: &str = "select policy_id, account_id, region, asset_id, state, cause, run_id from issues";

impl Issue {
    /// Flags name an asset as AWS's lists do: by its ARN or the last part of it; and an account-wide one by its account.
    pub(crate) fn is_about(&self, flag: &Flag) -> bool {
        self.policy_id == flag.policy
            && self.account_id == flag.account
            && self.region == flag.region
            && (flag.asset == flag.account
                || self.asset_id == flag.asset
                || self.asset_id.rsplit([':', '/']).next() == Some(&flag.asset))
    }
}

pub(crate) fn seed(endpoint: &str, truth: &Path) -> Truth {
    seed_with(&[], endpoint, truth)
}

/// The estate with a few assets of each further service.
pub(crate) fn seed_wide(endpoint: &str, truth: &Path) -> Truth {
    seed_with(&["--wide"], endpoint, truth)
}

fn seed_with(arguments: &[&str], endpoint: &str, truth: &Path) -> Truth {
    let mut command = python();
    command.arg(estate_file("seed.py")).args(arguments).args(["--endpoint", endpoint, "--out"]).arg(truth);
    finish(command);
    Truth::read(truth)
}

/// Lives a later day.
pub(crate) fn change(endpoint: &str, day: u32, before: &Path, after: &Path) -> Truth {
    let mut command = python();
    command.arg(estate_file("change.py")).args(["--endpoint", endpoint, "--day", &day.to_string(), "--truth"]);
    command.arg(before).arg("--out").arg(after);
    finish(command);
    Truth::read(after)
}

fn finish(mut command: std::process::Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}:\n{}", String::from_utf8_lossy(&output.stderr));
}

/// The configuration of a run over the estate's asset types, through an endpoint.
pub(crate) fn config(endpoint: &str, more: &str) -> String {
    let types = std::fs::read_to_string(estate_file("types.json")).unwrap();
    let types = if more.contains("[collect]") { String::new() } else { format!("[collect]\ntypes = {types}\n") };
    format!(
        "[aws]\nendpoint = \"{endpoint}\"\nregions = [\"us-east-1\", \"eu-west-1\"]\norganization = {{ role = \"pacbot_ro\" }}\n\n[aws.limits]\nbackoff = \"20ms\"\nread_timeout = \"5s\"\n\n{types}{more}"
    )
}
