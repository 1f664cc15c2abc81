//! Which engine runs the policies: the `[evaluate]` table of the configuration.

use std::num::NonZeroUsize;
use std::time::Duration;

use pacbot_evaluate::{Engine, InProcess};
use serde::{Deserialize, Deserializer};

/// What runs the policies.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct EvaluateSettings {
    engine: EngineName,
    /// The address of Ballista's scheduler.
    scheduler: String,
    /// Into how many parts Ballista splits a query.
    parts: NonZeroUsize,
    /// How long a query may take on Ballista until it is sent again.
    #[serde(deserialize_with = "duration")]
    deadline: Duration,
}

impl Default for EvaluateSettings {
    fn default() -> Self {
        let parts = const { NonZeroUsize::new(8).unwrap() };
        let deadline = Duration::from_secs(30 * 60);
        Self { engine: EngineName::default(), scheduler: "http://127.0.0.1:50050".to_owned(), parts, deadline }
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum EngineName {
    #[default]
    InProcess,
    Ballista,
}

impl EvaluateSettings {
    /// The engine, which is ready.
    ///
    /// # Errors
    ///
    /// When the scheduler does not answer or has no executors, or this program cannot talk to it.
    pub(crate) async fn engine(&self) -> anyhow::Result<Box<dyn Engine>> {
        match self.engine {
            EngineName::InProcess => Ok(Box::new(InProcess)),
            EngineName::Ballista => cluster(self).await,
        }
    }
}

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    let duration = humantime::parse_duration(&text)
        .map_err(|_| serde::de::Error::custom(format!("`{text}` is no duration; write for example \"30m\"")))?;
    if duration.is_zero() { Err(serde::de::Error::custom("a duration of zero")) } else { Ok(duration) }
}

#[cfg(feature = "ballista")]
async fn cluster(settings: &EvaluateSettings) -> anyhow::Result<Box<dyn Engine>> {
    use anyhow::{Context, bail};

    let scheduler = settings.scheduler.trim_end_matches('/');
    let client = reqwest::Client::builder().timeout(Duration::from_secs(10)).build()?;
    // Otherwise each policy would find out by itself, or wait for an executor that never comes.
    let answer = client.get(format!("{scheduler}/readyz")).send().await.map_err(reqwest::Error::without_url);
    let answer = answer.with_context(|| {
        format!(
            "the scheduler `{scheduler}` of `[evaluate]` does not answer; start it with `pacbot scheduler`, or change `scheduler` or `engine` in the configuration"
        )
    })?;
    if !answer.status().is_success() {
        bail!("the scheduler `{scheduler}` has no executors; start some with `pacbot executor`");
    }
    Ok(Box::new(pacbot_distributed::Cluster::new(scheduler, settings.parts, settings.deadline)))
}

#[cfg(not(feature = "ballista"))]
async fn cluster(_: &EvaluateSettings) -> anyhow::Result<Box<dyn Engine>> {
    Err(not_built_in("`engine = \"ballista\"` in `[evaluate]`"))
}

/// What this program cannot do since it was built without it.
#[cfg(not(feature = "ballista"))]
pub(crate) fn not_built_in(what: &str) -> anyhow::Error {
    anyhow::anyhow!("{what} needs a pacbot that is built with Ballista: cargo build --release --features ballista")
}
