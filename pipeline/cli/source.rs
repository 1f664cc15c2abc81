//! Where answers come from: the cloud, the cloud while it is recorded, or a recording.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use chrono::{DateTime, Utc};
use clap::Args;
use pacbot_cloud::{Aws, AwsSettings, HttpTransport, Recorder, Replay, Transport};
use pacbot_schemas::{AssetType, AssetTypeDef};

/// Recording and replaying.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct SourceArgs {
    /// Keep every answer in this folder, without credentials, for --replay
    #[arg(long, value_name = "DIR", conflicts_with = "replay")]
    record: Option<PathBuf>,

    /// Take the answers from this folder; neither network nor credentials are needed, and the run's time is the recording's
    #[arg(long, value_name = "DIR")]
    replay: Option<PathBuf>,
}

/// An API that answers.
pub(crate) struct Source {
    pub(crate) aws: Aws,
    /// The settings that hold: those of a recording are its own.
    pub(crate) settings: AwsSettings,
    /// The asset types of a recording; all where it does not say.
    pub(crate) recorded_types: Option<BTreeSet<AssetType>>,
    /// The time of a recording.
    pub(crate) recorded_at: Option<DateTime<Utc>>,
    recorder: Option<Arc<Recorder>>,
}

impl Source {
    /// As the arguments say.
    pub(crate) fn open(args: &SourceArgs, settings: &AwsSettings) -> anyhow::Result<Self> {
        match (&args.replay, &args.record) {
            (Some(folder), _) => Self::replay(open_recording(folder)?, settings),
            (None, record) => Self::live(settings, record.as_deref()),
        }
    }

    /// Answers of a recording, for its accounts and regions.
    pub(crate) fn replay(replay: Replay, settings: &AwsSettings) -> anyhow::Result<Self> {
        let recorded_at = replay.info().recorded_at;
        let details = replay.info().details.get("aws").cloned().unwrap_or_default();
        let recorded: AwsSettings = serde_json::from_value(details).context("the recording does not say of what")?;
        let types = replay.info().details.get("types").cloned();
        let recorded_types =
            types.map(serde_json::from_value).transpose().context("the recording does not say of which types")?;
        let settings = AwsSettings { limits: settings.limits.clone(), ..recorded };
        let aws = Aws::new(settings.clone(), Arc::new(replay))?;
        Ok(Self { aws, settings, recorded_types, recorded_at: Some(recorded_at), recorder: None })
    }

    fn live(settings: &AwsSettings, record: Option<&Path>) -> anyhow::Result<Self> {
        let http: Arc<dyn Transport> = Arc::new(HttpTransport::new(&settings.limits)?);
        let recorder = match record {
            Some(folder) => Some(Arc::new(Recorder::new(http.clone(), folder)?)),
            None => None,
        };
        let transport = recorder.clone().map_or(http, |recorder| recorder as Arc<dyn Transport>);
        let aws = Aws::new(settings.clone(), transport)?;
        Ok(Self { aws, settings: settings.clone(), recorded_types: None, recorded_at: None, recorder })
    }

    /// What a recording says about itself.
    fn details(&self, defs: &[Arc<AssetTypeDef>]) -> anyhow::Result<serde_json::Value> {
        let types: BTreeSet<&AssetType> = defs.iter().map(|def| &def.asset_type).collect();
        Ok(serde_json::json!({ "aws": serde_json::to_value(&self.settings)?, "types": types }))
    }

    /// Writes the recording of `defs`, if one was asked for.
    pub(crate) async fn finish(&self, run_at: DateTime<Utc>, defs: &[Arc<AssetTypeDef>]) -> anyhow::Result<()> {
        match &self.recorder {
            Some(recorder) => {
                recorder.finish(run_at, self.details(defs)?).await.context("failed to write the recording")
            }
            None => Ok(()),
        }
    }
}

fn open_recording(folder: &Path) -> anyhow::Result<Replay> {
    Replay::open(folder).with_context(|| format!("`{}` cannot be replayed", folder.display()))
}
