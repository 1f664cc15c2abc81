//! What the program tells about itself: logs on standard error, numbers for Prometheus, spans for OpenTelemetry.
//!
//! Code counts and opens spans by the facades `metrics` and `tracing`, which cost next to nothing where nobody listens.
//! Labels are few by construction: services, asset types, policies, jobs and states, never accounts or assets.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Context;
use metrics_exporter_prometheus::PrometheusBuilder;
use pacbot_jobs::JobRun;
use serde::Deserialize;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

use crate::config::Config;
use crate::execution::say;

mod exposition;
mod names;
mod scrapes;
mod traces;

pub(crate) use scrapes::Scrapes;
pub(crate) use traces::{TracesSettings, root_span};

/// Where a job's process leaves its numbers for its scheduler.
const HANDOVER: &str = "PACBOT_METRICS_HANDOVER";

/// Seconds of a call to the cloud.
const BUCKETS: &[f64] = &[0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0];

/// Where numbers go.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct MetricsSettings {
    /// Where `pacbot schedule` answers Prometheus.
    pub(crate) listen: Option<SocketAddr>,
    /// The file that commands write when they end.
    textfile: Option<PathBuf>,
    /// The push gateway's address for this job.
    push: Option<String>,
}

impl MetricsSettings {
    /// Whether anybody wants numbers.
    pub(crate) fn is_on(&self) -> bool {
        self.listen.is_some() || self.textfile.is_some() || self.push.is_some() || handover().is_some()
    }
}

fn handover() -> Option<PathBuf> {
    std::env::var_os(HANDOVER).map(PathBuf::from)
}

/// What was started, to be ended.
pub(crate) struct Telemetry {
    scrapes: Scrapes,
    traces: Option<opentelemetry_sdk::trace::SdkTracerProvider>,
}

impl Telemetry {
    /// Starts what the configuration asks for.
    pub(crate) fn start(config: &Config) -> anyhow::Result<Self> {
        let traces = traces::provider(&config.traces).context("traces cannot be sent")?;
        let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| "warn".into());
        let logs = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_filter(filter);
        tracing_subscriber::registry().with(traces.as_ref().map(traces::layer)).with(logs).init();
        let mut handle = None;
        if config.metrics.is_on() {
            let builder = PrometheusBuilder::new().set_buckets(BUCKETS).context("the buckets are wrong")?;
            handle = Some(builder.install_recorder().context("numbers cannot be kept")?);
            names::describe();
        }
        let scrapes = Scrapes::new(handle, config.metrics.textfile.clone())?;
        Ok(Self { scrapes, traces })
    }

    /// The numbers of this process and of those that it starts.
    pub(crate) fn scrapes(&self) -> &Scrapes {
        &self.scrapes
    }

    /// Hands over what was counted and traced; what was counted, only if the command is one of those that count. That it
    /// could not is told, and changes nothing.
    pub(crate) async fn finish(self, config: &Config, does_count: bool) {
        if let Some(text) = self.scrapes.text().filter(|_| does_count)
            && let Err(error) = hand_over(&text, &config.metrics).await
        {
            say(&format!("the metrics could not be written: {error:#}"));
        }
        if let Some(traces) = self.traces {
            // It waits for its thread, which needs this runtime to send.
            let ended = tokio::task::spawn_blocking(move || traces.shutdown()).await;
            if let Ok(Err(error)) = ended {
                say(&format!("the traces could not be sent: {error}"));
            }
        }
    }
}

async fn hand_over(text: &str, settings: &MetricsSettings) -> anyhow::Result<()> {
    if let Some(file) = handover() {
        return replace(&file, text);
    }
    if let Some(file) = &settings.textfile {
        replace(file, text)?;
    }
    if let Some(address) = &settings.push {
        let client = reqwest::Client::builder().timeout(std::time::Duration::from_secs(10)).build()?;
        let answer = client.put(address).header("content-type", exposition::CONTENT_TYPE).body(text.to_owned()).send();
        answer.await.and_then(reqwest::Response::error_for_status).map_err(reqwest::Error::without_url)?;
    }
    Ok(())
}

/// Writes a file so that nobody reads half of it.
fn replace(file: &Path, text: &str) -> anyhow::Result<()> {
    let failed = || format!("failed to write `{}`", file.display());
    let mut name = file.as_os_str().to_owned();
    name.push(".new");
    std::fs::write(&name, text).with_context(failed)?;
    std::fs::rename(&name, file).with_context(failed)
}

/// Tells a job's process what its spans belong to and where its numbers are awaited.
pub(crate) fn pass_on(run: &JobRun, scrapes: &Scrapes, command: &mut tokio::process::Command) {
    if let Some(file) = scrapes.awaited(run) {
        command.env(HANDOVER, file);
    }
    command.envs(traces::carrier());
}
