//! The configuration: one file, read once, unknown keys refused.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use pacbot_evaluate::Overrides;
use pacbot_lake::LakeSettings;
use pacbot_schemas::{PolicyId, SourceError};
use serde::Deserialize;

const FILE: &str = "pacbot.toml";

/// What `pacbot init` writes.
const TEMPLATE: &str = "\
# PacBot's configuration. Every key has the default that is shown, or none.

[lake]
# location = \"lake\"            # a folder, or s3://BUCKET/PREFIX, az://CONTAINER/PREFIX, gs://BUCKET/PREFIX
# retention_days = 400           # how long old versions stay readable
# memory = \"512 MiB\"           # queries beyond it spill to disk
# options = { aws_endpoint = \"http://127.0.0.1:8333\", aws_allow_http = \"true\" }

# Parameters of policies, by policy id; `pacbot policies show ID` lists them.
# [policies.parameters.aws-iam-access-key-rotated]
# max_age_days = 60
";

/// Everything that can be configured.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    /// The lake.
    pub(crate) lake: LakeSettings,
    /// The policies.
    pub(crate) policies: PolicySettings,
}

/// Which values the policies' parameters have.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct PolicySettings {
    parameters: BTreeMap<PolicyId, BTreeMap<String, toml::Value>>,
}

impl Config {
    /// Reads `file`, or `pacbot.toml` if there is one, or takes the defaults.
    pub(crate) fn read(file: Option<&Path>) -> anyhow::Result<Self> {
        let path = file.unwrap_or(Path::new(FILE));
        if file.is_none() && !path.exists() {
            return Ok(Self::default());
        }
        let text = std::fs::read_to_string(path).with_context(|| format!("failed to read `{}`", path.display()))?;
        let parsed = toml::from_str(&text);
        Ok(parsed.map_err(|error| SourceError::from_toml(&path.display().to_string(), &text, 0, &error))?)
    }

    /// Parameter overrides.
    pub(crate) fn overrides(&self) -> &Overrides {
        &self.policies.parameters
    }
}

/// Writes the template, never over a file.
pub(crate) fn init(out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let mut file = std::fs::File::create_new(FILE).with_context(|| format!("failed to make `{FILE}`"))?;
    file.write_all(TEMPLATE.as_bytes()).with_context(|| format!("failed to write `{FILE}`"))?;
    writeln!(out, "wrote {FILE}")?;
    Ok(ExitCode::SUCCESS)
}
