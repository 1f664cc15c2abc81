//! The executable: arguments and configuration in, one stage or question at a time, an exit code out.
//!
//! Data goes to standard output, logs to standard error. Exit codes: 0 clean, 1 violations or failed tests,
//! 2 something could not be evaluated or collected, 64 and above usage and configuration.

use std::io::Write;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use config::Config;
use telemetry::Telemetry;
use tracing::Instrument;

mod collection;
mod commands;
mod config;
mod coverage_row;
mod engine;
mod execution;
mod fixing;
mod job_commands;
mod job_process;
mod lens;
mod output;
mod person;
mod progress;
mod prompt;
mod scopes;
mod source;
mod telemetry;
mod terminal;
mod walk;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Continuous compliance for clouds, on a columnar lake
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "Examples:\n  pacbot demo                                # no account needed\n  pacbot init && pacbot doctor && pacbot run\n  pacbot report\n  pacbot issues list --severity critical\n  pacbot schedule                            # the jobs of pacbot.toml\n  pacbot sql \"select asset_type, count(*) from assets group by 1\"\n\nExit codes: 0 clean, 1 violations where --fail-on asks, 2 something could not be collected or evaluated, 64 usage and configuration."
)]
struct Arguments {
    /// Configuration file [default: pacbot.toml where it exists]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<std::path::PathBuf>,

    /// The lake: a folder, or s3://, az:// or gs:// with a prefix
    #[arg(long, global = true, value_name = "LOCATION")]
    lake: Option<String>,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Demo(commands::demo::Demo),
    /// Write a commented pacbot.toml
    Init,
    Doctor(commands::doctor::Doctor),
    Run(commands::run::Run),
    Collect(commands::collect::Collect),
    Evaluate(commands::evaluate::Evaluate),
    Report(commands::report::ReportArgs),
    Notify(commands::notify::Notify),
    Digest(commands::digest::DigestArgs),
    #[command(subcommand)]
    Deliveries(commands::deliveries::Deliveries),
    Unsubscribe(commands::unsubscribe::Unsubscribe),
    #[command(subcommand)]
    Compliance(commands::compliance::Compliance),
    #[command(subcommand)]
    Issues(commands::issues::Issues),
    #[command(subcommand)]
    Fix(commands::fix::FixCommand),
    #[command(subcommand)]
    Exceptions(commands::exceptions::Exceptions),
    #[command(subcommand)]
    Groups(commands::groups::Groups),
    #[command(subcommand)]
    Runs(commands::runs::Runs),
    Schedule(commands::schedule::Schedule),
    #[command(subcommand)]
    Jobs(commands::jobs::Jobs),
    Scheduler(commands::scheduler::Scheduler),
    Executor(commands::executor::Executor),
    /// The asset types and their tables
    #[command(subcommand)]
    Schema(commands::schema::Schema),
    /// The policies
    #[command(subcommand)]
    Policies(commands::policies::Policies),
    IamPolicy(commands::iam_policy::IamPolicy),
    Sql(commands::sql::Sql),
    /// The lake's tables and their upkeep
    #[command(subcommand)]
    Lake(commands::lake::LakeCommand),
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

impl Command {
    /// Whether its numbers are worth telling: those of a look at the lake would replace those of the last run.
    fn does_count(&self) -> bool {
        let starts_a_job = matches!(self, Self::Jobs(commands::jobs::Jobs::Run { .. }));
        starts_a_job || matches!(self, Self::Run(_) | Self::Collect(_) | Self::Evaluate(_) | Self::Schedule(_))
    }
}

impl std::fmt::Display for Command {
    /// Its name.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Demo(_) => "demo",
            Self::Init => "init",
            Self::Doctor(_) => "doctor",
            Self::Run(_) => "run",
            Self::Collect(_) => "collect",
            Self::Evaluate(_) => "evaluate",
            Self::Report(_) => "report",
            Self::Notify(_) => "notify",
            Self::Digest(_) => "digest",
            Self::Deliveries(_) => "deliveries",
            Self::Unsubscribe(_) => "unsubscribe",
            Self::Fix(_) => "fix",
            Self::Compliance(_) => "compliance",
            Self::Exceptions(_) => "exceptions",
            Self::Groups(_) => "groups",
            Self::Issues(_) => "issues",
            Self::Runs(_) => "runs",
            Self::Schedule(_) => "schedule",
            Self::Jobs(_) => "jobs",
            Self::Scheduler(_) => "scheduler",
            Self::Executor(_) => "executor",
            Self::Schema(_) => "schema",
            Self::Policies(_) => "policies",
            Self::IamPolicy(_) => "iam-policy",
            Self::Sql(_) => "sql",
            Self::Lake(_) => "lake",
            Self::Completions { .. } => "completions",
        })
    }
}

const EXIT_NOT_KNOWN: u8 = 2;
const EXIT_USAGE: u8 = 64;
/// As shells tell of a process that wrote to a pipe which nobody reads.
const EXIT_BROKEN_PIPE: u8 = 141;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // A broken pipe leaves nobody to tell.
            let printed = error.print();
            return if error.use_stderr() || printed.is_err() { ExitCode::from(EXIT_USAGE) } else { ExitCode::SUCCESS };
        }
    };
    let mut out = std::io::stdout();
    match started(arguments, &mut out).await {
        Ok(code) => code,
        Err(error) if is_broken_pipe(&error) => ExitCode::from(EXIT_BROKEN_PIPE),
        Err(error) => {
            let told = writeln!(std::io::stderr(), "error: {error:#}");
            let is_no_mistake = error.is::<walk::StageFailed>() || error.is::<pacbot_jobs::ScheduleError>();
            let code = if is_no_mistake { EXIT_NOT_KNOWN } else { EXIT_USAGE };
            ExitCode::from(if told.is_err() { EXIT_USAGE + 1 } else { code })
        }
    }
}

/// Whether whoever read the output has left, as `head` does. A connection that breaks is below another error.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}

/// Runs the command, and what watches it before and after.
async fn started(arguments: Arguments, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    if let Command::Completions { shell } = arguments.command {
        // It panics where it cannot write.
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut Arguments::command(), "pacbot", &mut script);
        out.write_all(&script)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut config = Config::read(arguments.config.as_deref())?;
    if let Some(location) = arguments.lake {
        config.lake.location = location;
    }
    job_process::end_with_scheduler();
    let telemetry = Telemetry::start(&config)?;
    let does_count = arguments.command.does_count();
    let span = telemetry::root_span(&arguments.command.to_string());
    let ended = run(arguments.command, &config, &telemetry, out).instrument(span).await;
    telemetry.finish(&config, does_count).await;
    ended
}

async fn run(
    command: Command,
    config: &Config,
    telemetry: &Telemetry,
    out: &mut impl Write,
) -> anyhow::Result<ExitCode> {
    match command {
        Command::Init => config::init(out),
        Command::Demo(command) => commands::demo::run(&command, out).await,
        Command::Doctor(command) => commands::doctor::run(&command, config, out).await,
        Command::Run(command) => commands::run::run(command, config, out).await,
        Command::Collect(command) => commands::collect::run(command, config, out).await,
        Command::Evaluate(command) => commands::evaluate::run(command, config, out).await,
        Command::Report(command) => commands::report::run(&command, config, out).await,
        Command::Notify(command) => commands::notify::run(&command, config, out).await,
        Command::Digest(command) => commands::digest::run(&command, config, out).await,
        Command::Deliveries(command) => commands::deliveries::run(&command, config, out).await,
        Command::Unsubscribe(command) => commands::unsubscribe::run(&command, config, out).await,
        Command::Compliance(command) => commands::compliance::run(&command, config, out).await,
        Command::Issues(command) => commands::issues::run(&command, config, out).await,
        Command::Exceptions(command) => commands::exceptions::run(&command, config, out).await,
        Command::Groups(command) => commands::groups::run(&command, config, out).await,
        Command::Fix(command) => commands::fix::run(&command, config, out).await,
        Command::Runs(command) => commands::runs::run(&command, config, out).await,
        Command::Schedule(command) => commands::schedule::run(&command, config, telemetry.scrapes(), out).await,
        Command::Jobs(command) => commands::jobs::run(&command, config, telemetry.scrapes(), out).await,
        Command::Scheduler(command) => commands::scheduler::run(&command, config, out).await,
        Command::Executor(command) => commands::executor::run(command, config).await,
        Command::Schema(command) => commands::schema::run(&command, out),
        Command::Policies(command) => commands::policies::run(command, config, out).await,
        Command::IamPolicy(command) => commands::iam_policy::run(&command, config, out).await,
        Command::Sql(command) => commands::sql::run(&command, config, out).await,
        Command::Lake(command) => commands::lake::run(&command, config, out).await,
        Command::Completions { .. } => Ok(ExitCode::SUCCESS),
    }
}
