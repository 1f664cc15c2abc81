//! The configuration: one file, read once, unknown keys refused.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use pacbot_cloud::AwsSettings;
use pacbot_collect::Wanted;
use pacbot_dashboards::Domain;
use pacbot_evaluate::{Catalog, Overrides, Policy, PolicyScopes};
use pacbot_fix::{FixSettings, Fixes};
use pacbot_jobs::notify::{self, NotifySettings, Subscription};
use pacbot_jobs::{Job, ScheduleSettings};
use pacbot_lake::{ExceptionRules, Groups, LakeSettings};
use pacbot_schemas::{AssetTypeDef, AssetTypes, PolicyId, SourceError, nearest};
use serde::Deserialize;
use tokio::sync::OnceCell;

use crate::engine::EvaluateSettings;
use crate::telemetry::{MetricsSettings, TracesSettings};
use crate::{commands, job_commands};

const FILE: &str = "pacbot.toml";

/// What `pacbot init` writes.
const TEMPLATE: &str = "\
# PacBot's configuration. Every key has the default that is shown, or none.

[lake]
# location = \"lake\"            # a folder, or s3://BUCKET/PREFIX, az://CONTAINER/PREFIX, gs://BUCKET/PREFIX
# retention_days = 400           # how long old versions stay readable
# memory = \"512 MiB\"           # queries beyond it spill to disk
# options = { aws_endpoint = \"http://127.0.0.1:8333\", aws_allow_http = \"true\" }

# [aws]                          # base credentials come from the usual places: environment, profile, SSO, IMDS
# profile = \"audit\"
# regions = [\"eu-west-1\", \"us-east-1\"]      # default: those that each account has enabled
# organization = { role = \"pacbot\" }         # all member accounts, by this role in each of them
# exclude_accounts = [\"111122223333\"]        # never read; what they had is closed as out of scope

# [[aws.accounts]]               # or accounts by name
# id = \"444455556666\"
# name = \"shop\"
# role = \"pacbot\"
# external_id = \"…\"

# [aws.limits]
# concurrency = 32               # requests in flight
# requests_per_second = 20       # per account, region and service

[collect]
# types = [\"aws_s3_bucket\"]    # default: all, or what the policies of `enabled` read
# scopes_at_once = 32
# memory = \"256 MiB\"           # assets beyond it wait on disk until they are landed
# everything = false             # all types, and optional requests even if no policy reads their columns

[policies]
# folder = \"policies\"          # your own policies, beside those that come with the program
# enabled = [\"aws-s3-bucket-not-public\"]     # default: all
# disabled = [\"aws-ebs-volume-attached\"]

# Fixes. Nothing is fixed until this says so; docs/fixes.md tells all keys.
# [fix]
# mode = \"dry-run\"               # off, dry-run, approve or auto; also in [fix.policies.ID]
# accounts = [\"111122223333\"]    # in no other account
# recipients = [\"cloud@example.org\"]   # told of every fix, beside owners of groups and subscribers
# warnings = 3                   # before a fix, over …
# wait = \"48h\"
# caps = { run = 20, policy = 10, account = 10, share = 0.1 }
# windows = [{ days = [\"sat\", \"sun\"], from = \"22:00\", to = \"04:00\", zone = \"Europe/Berlin\" }]

# Parameters of policies, by policy id; `pacbot policies show ID` lists them.
# [policies.parameters.aws-iam-access-key-rotated]
# max_age_days = 60

# [policies.scoped.groups]       # a policy for the assets of some groups only
# aws-rds-db-instance-multi-az = [\"production\"]

# [policies.scoped.parameters.production.aws-iam-access-key-rotated]
# max_age_days = 30              # other parameters for a group's assets

[evaluate]
# engine = \"in-process\"        # or \"ballista\": on the executors of a scheduler; docs/operations.md tells how
# scheduler = \"http://127.0.0.1:50050\"
# parts = 8                      # a query is split into so many; about the cores of all executors
# deadline = \"30m\"             # a query that has not ended by then is cancelled and sent again, three times at most

[groups]
# folder = \"groups\"            # asset groups, one file each; `pacbot groups --help` shows one

[domains]
# folder = \"domains\"          # named sets of policies, with weights for the score

[exceptions]
# max_days = { critical = 30, high = 90, medium = 180, low = 365 }
# four_eyes = false              # whoever requests an exception may not grant it

# Jobs are run by `pacbot schedule`, or each by `pacbot jobs run NAME`. Times are in five fields, as in cron: minute,
# hour, day of month, month, day of week.
# [[jobs]]
# name = \"daily\"
# command = [\"run\"]            # the arguments of pacbot
# cron = \"0 6 * * *\"
# zone = \"Europe/Berlin\"       # default: UTC
# jitter = \"10m\"               # start up to so much later
# overlap = \"skip\"             # or queue, parallel: when it is due while it still runs
# deadline = \"6h\"              # then it is killed
# retries = 1                    # of a run that failed; waits of backoff, twice, four times that …
# backoff = \"1m\"
# catch_up = true                # run once what was due while no scheduler ran
# enabled = true

# [[jobs]]                       # takes the steps of fixes that are due
# name = \"fix\"
# command = [\"fix\", \"apply\"]
# cron = \"30 6 * * *\"

# [[jobs]]                       # tells people; what was told is in the lake, so nothing is told twice
# name = \"notify\"
# command = [\"notify\"]
# cron = \"*/10 * * * *\"

# [[jobs]]                       # few large files are read faster than many small ones
# name = \"optimize\"
# command = [\"lake\", \"optimize\"]
# cron = \"30 3 * * SUN\"

[schedule]
# lease = \"60s\"                # a scheduler that is silent for so long is replaced by another one
# grace = \"20s\"                # running jobs may go on for so long when their scheduler is stopped

[metrics]
# listen = \"127.0.0.1:9090\"    # `pacbot schedule` answers Prometheus there, at /metrics
# textfile = \"/var/lib/node_exporter/pacbot.prom\"          # other commands write theirs for the node exporter
# push = \"http://pushgateway:9091/metrics/job/pacbot\"      # or hand them to a push gateway

[traces]
# otlp = \"http://127.0.0.1:4318\"         # a collector of OpenTelemetry, by HTTP; default: OTEL_EXPORTER_OTLP_ENDPOINT
# requests = 0.01                # the share of calls to the cloud that are traced

# [notify]                       # docs/notifications.md
# from = \"PacBot <pacbot@example.org>\"
# smtp = { host = \"mail.example.org\", tls = \"starttls\", user = \"pacbot\", password = \"env:SMTP_PASSWORD\" }
# eml_folder = \"mails\"         # where mails go as files when there is no smtp
# link_base = \"https://pacbot.example.org\"
# unsubscribe_secret = \"env:UNSUBSCRIBE_SECRET\"

# [notify.channels.ops]          # slack, teams, webhook, jira or servicenow; \"mail\" is always there
# kind = \"slack\"
# url = \"env:SLACK_WEBHOOK\"

# [[subscriptions]]              # who is told of what, and how often; `pacbot notify` sends
# name = \"weekly\"
# events = [\"digest\"]
# recipients = [\"security@example.org\"]
# often = \"weekly\"             # at-once, daily or weekly
# weekday = \"monday\"
# at = \"07:00\"
# zone = \"UTC\"
";

/// Everything that can be configured.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    /// The accounts of AWS.
    pub(crate) aws: AwsSettings,
    /// Fixes.
    pub(crate) fix: FixSettings,
    /// Collecting.
    pub(crate) collect: CollectSettings,
    /// Evaluating.
    pub(crate) evaluate: EvaluateSettings,
    /// The lake.
    pub(crate) lake: LakeSettings,
    /// How people are told.
    pub(crate) notify: NotifySettings,
    /// The policies.
    pub(crate) policies: PolicySettings,
    /// The asset groups.
    pub(crate) groups: FolderSettings,
    /// The domains.
    pub(crate) domains: FolderSettings,
    /// What exceptions people may grant.
    pub(crate) exceptions: ExceptionRules,
    /// Who is told of what.
    pub(crate) subscriptions: Vec<Subscription>,
    /// What is run when.
    pub(crate) jobs: Vec<Job>,
    /// How schedulers take turns.
    pub(crate) schedule: ScheduleSettings,
    /// Where numbers about the program go.
    pub(crate) metrics: MetricsSettings,
    /// Where spans go.
    pub(crate) traces: TracesSettings,
    /// The file that it was read from.
    #[serde(skip)]
    pub(crate) file: Option<PathBuf>,
    #[serde(skip)]
    pub(crate) loaded: OnceCell<Catalog>,
}

/// A folder of files that people write.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct FolderSettings {
    folder: Option<PathBuf>,
}

/// What is collected, and with how much of the machine.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct CollectSettings {
    /// Asset types; all when absent.
    pub(crate) types: Option<Vec<String>>,
    /// Scopes that are asked at the same time.
    pub(crate) scopes_at_once: NonZeroUsize,
    /// Memory of assets that wait to be landed, in bytes.
    #[serde(deserialize_with = "pacbot_lake::bytes")]
    pub(crate) memory: usize,
    /// Whether optional requests are made that no policy needs.
    pub(crate) everything: bool,
}

impl Default for CollectSettings {
    fn default() -> Self {
        let scopes_at_once = const { NonZeroUsize::new(32).unwrap() };
        Self { types: None, scopes_at_once, memory: 256 << 20, everything: false }
    }
}

/// Which policies there are, and the values of their parameters.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct PolicySettings {
    folder: Option<PathBuf>,
    enabled: Option<BTreeSet<PolicyId>>,
    disabled: Vec<PolicyId>,
    parameters: Overrides,
    scoped: PolicyScopes,
}

impl Config {
    /// Reads `file`, or `pacbot.toml` if there is one, or takes the defaults.
    pub(crate) fn read(file: Option<&Path>) -> anyhow::Result<Self> {
        let path = file.unwrap_or(Path::new(FILE));
        if file.is_none() && !path.exists() {
            return Ok(Self::default());
        }
        let text = std::fs::read_to_string(path).with_context(|| format!("failed to read `{}`", path.display()))?;
        let file = path.display().to_string();
        let parsed: Result<Self, _> = toml::from_str(&text);
        let mut config = parsed.map_err(|error| SourceError::from_toml(&file, &text, 0, &error))?;
        config.policies.parameters.set_source(&file, &text);
        for overrides in config.policies.scoped.parameters.values_mut() {
            overrides.set_source(&file, &text);
        }
        notify::check(&config.subscriptions, &config.notify).with_context(|| format!("`{file}` cannot be followed"))?;
        job_commands::check(&config.jobs, &file, &text)?;
        config.file = Some(path.to_owned());
        Ok(config)
    }

    /// Optional requests are made for columns that a policy reads, or for all.
    pub(crate) fn wanted(&self, types: &AssetTypes, catalog: &Catalog) -> Wanted {
        if self.collect.everything {
            return Wanted::Everything;
        }
        let mut columns: BTreeMap<_, BTreeSet<String>> = BTreeMap::new();
        for (table, read) in catalog.iter().flat_map(|checked| &checked.reads) {
            if let Some(def) = types.get(table) {
                columns.entry(def.asset_type.clone()).or_default().extend(read.iter().cloned());
            }
        }
        Wanted::Columns(columns)
    }

    /// The asset types that are collected: those that the configuration names; else those that the enabled policies
    /// read, where it names policies; else all.
    ///
    /// # Errors
    ///
    /// A name that is no asset type.
    pub(crate) fn collected(&self, types: &AssetTypes, catalog: &Catalog) -> anyhow::Result<Vec<Arc<AssetTypeDef>>> {
        let named = self.collect.types.as_deref().unwrap_or_default();
        if !named.is_empty() {
            return named.iter().map(|name| commands::schema::find(types, name)).collect();
        }
        let read: BTreeSet<&str> =
            catalog.iter().flat_map(|checked| checked.reads.keys()).map(String::as_str).collect();
        let is_all = self.policies.enabled.is_none() || self.collect.everything || read.contains("assets");
        Ok(types.iter().filter(|def| is_all || read.contains(def.asset_type.as_str())).cloned().collect())
    }

    /// The enabled policies: those that come with the program and those of the configured folder. They are loaded once.
    pub(crate) async fn catalog(&self, types: &AssetTypes) -> anyhow::Result<Catalog> {
        self.loaded.get_or_try_init(|| self.load_catalog(types)).await.cloned()
    }

    /// One of the policies alone, enabled or not, which takes a fraction of the time that all of them take. If there is none of
    /// that id that can be read, all policies, for whoever says what was meant.
    pub(crate) async fn catalog_of(&self, id: &str, types: &AssetTypes) -> anyhow::Result<Catalog> {
        let own = self.own_policies()?;
        let own = own.iter().map(|(file, text)| (file.as_str(), text.as_str()));
        let is_it =
            |(file, text): &(&str, &str)| Policy::parse(file, text).is_ok_and(|policy| policy.id.as_str() == id);
        let files = Catalog::embedded_files().chain(own).filter(is_it);
        let one = Catalog::load(files, types, &self.policies.parameters.only(id)).await;
        let one = one.map_err(|errors| commands::all(&errors))?;
        if one.get(id).is_some() { Ok(one) } else { self.catalog(types).await }
    }

    /// People's own policy files: name and text.
    fn own_policies(&self) -> anyhow::Result<Vec<(String, String)>> {
        self.policies.folder.as_deref().map_or_else(|| Ok(Vec::new()), |folder| files_in(folder, "sql"))
    }

    async fn load_catalog(&self, types: &AssetTypes) -> anyhow::Result<Catalog> {
        let own = self.own_policies()?;
        let own = own.iter().map(|(file, text)| (file.as_str(), text.as_str()));
        let files = Catalog::embedded_files().chain(own);
        let settings = &self.policies;
        let is_enabled = |(file, text): &(&str, &str)| match (&settings.enabled, Policy::parse(file, text)) {
            (Some(enabled), Ok(policy)) => enabled.contains(&policy.id),
            (None, Ok(policy)) => policy.enabled,
            // The mistake is told below.
            (_, Err(_)) => true,
        };
        let catalog = Catalog::load(files.filter(is_enabled), types, &settings.parameters).await;
        let mut catalog = catalog.map_err(|errors| commands::all(&errors))?;
        self.check_fixes(&catalog, types)?;
        if let Some(unknown) = settings.enabled.iter().flatten().find(|id| catalog.get(id.as_str()).is_none()) {
            return Err(no_policy("enabled", unknown, &catalog));
        }
        for id in &self.policies.disabled {
            if !catalog.disable(id) {
                return Err(no_policy("disabled", id, &catalog));
            }
        }
        catalog.scope(&settings.scoped).map_err(|errors| commands::all(&errors))?;
        Ok(catalog)
    }

    /// The asset groups that are files.
    pub(crate) async fn groups(&self, types: &AssetTypes) -> anyhow::Result<Groups> {
        let files = self.groups.folder.as_deref().map(|folder| files_in(folder, "toml")).transpose()?;
        Groups::parse(&files.unwrap_or_default(), types).await.map_err(|errors| commands::all(&errors))
    }

    /// The domains.
    pub(crate) fn domains(&self) -> anyhow::Result<Vec<Domain>> {
        let files = self.domains.folder.as_deref().map(|folder| files_in(folder, "toml")).transpose()?;
        let parsed = files.unwrap_or_default().into_iter().map(|(file, text)| Domain::parse(&file, &text));
        parsed.collect::<Result<_, _>>().map_err(|error| commands::all(&[error]))
    }
}

impl Config {
    /// The fixes that come with the program and those of the configured folder.
    pub(crate) fn fixes(&self, types: &AssetTypes) -> anyhow::Result<Fixes> {
        let own = match &self.fix.folder {
            Some(folder) => files_in(folder, "toml")?,
            None => Vec::new(),
        };
        let own = own.iter().map(|(file, text)| (file.as_str(), text.as_str()));
        Fixes::load(own, types).map_err(|errors| commands::all(&errors))
    }

    /// That every policy's fix exists and understands its assets.
    ///
    /// # Errors
    ///
    /// Every policy for which that is not so, with its place.
    pub(crate) fn check_fixes(&self, catalog: &Catalog, types: &AssetTypes) -> anyhow::Result<()> {
        let fixes = self.fixes(types)?;
        let mut mistakes = Vec::new();
        for policy in catalog.iter().map(|checked| &checked.policy) {
            let Some(id) = &policy.fix else { continue };
            let place = policy.text.find(id.as_str()).map_or(0..0, |at| at..at + id.as_str().len());
            let mistake = |message: String| SourceError::at(&policy.file, &policy.text, place.clone(), message);
            match fixes.get(id.as_str()) {
                None => mistakes.push(mistake(format!("`{id}` is no fix")).with_meant(fixes.nearest(id.as_str()))),
                Some(fix) => {
                    let known = &fix.about().types;
                    if !known.is_empty() && !known.iter().any(|known| known.as_str() == policy.asset_type) {
                        mistakes.push(mistake(format!("`{id}` does not fix assets of `{}`", policy.asset_type)));
                    }
                }
            }
        }
        if mistakes.is_empty() { Ok(()) } else { Err(commands::all(&mistakes)) }
    }
}

fn no_policy(key: &str, id: &PolicyId, catalog: &Catalog) -> anyhow::Error {
    let near = nearest(id.as_str(), catalog.iter().map(|checked| checked.policy.id.as_str()));
    let help = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
    anyhow!("`[policies] {key}` names `{id}`, which is no policy{help}")
}

/// The files of a folder and of those below it with an ending, as name and text, sorted.
fn files_in(folder: &Path, ending: &str) -> anyhow::Result<Vec<(String, String)>> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let failed = || format!("failed to read the folder `{}`", folder.display());
        for entry in std::fs::read_dir(&folder).with_context(failed)? {
            let path = entry.with_context(failed)?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == ending) {
                files.push(path);
            }
        }
    }
    files.sort();
    commands::read_files(&files)
}

/// Writes the template, never over a file.
pub(crate) fn init(out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let mut file = std::fs::File::create_new(FILE).with_context(|| format!("failed to make `{FILE}`"))?;
    file.write_all(TEMPLATE.as_bytes()).with_context(|| format!("failed to write `{FILE}`"))?;
    writeln!(out, "wrote {FILE}")?;
    Ok(ExitCode::SUCCESS)
}
