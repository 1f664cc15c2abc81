//! The executable: arguments and configuration in, one stage or question at a time, an exit code out.
//!
//! Data goes to standard output, logs to standard error. Exit codes: 0 clean, 1 violations or failed tests,
//! 2 something could not be evaluated or collected, 64 and above usage and configuration.

use std::io::Write;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use config::Config;

mod collection;
mod commands;
mod config;
mod coverage_row;
mod execution;
mod fixing;
mod output;
mod progress;
mod prompt;
mod scopes;
mod source;
mod terminal;
mod walk;

/// Continuous compliance for clouds, on a columnar lake
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "Examples:\n  pacbot demo                                # no account needed\n  pacbot init && pacbot doctor && pacbot run\n  pacbot report\n  pacbot issues list --severity critical\n  pacbot sql \"select asset_type, count(*) from assets group by 1\"\n\nExit codes: 0 clean, 1 violations where --fail-on asks, 2 something could not be collected or evaluated, 64 usage and configuration."
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
    #[command(subcommand)]
    Issues(commands::issues::Issues),
    #[command(subcommand)]
    Fix(commands::fix::FixCommand),
    #[command(subcommand)]
    Runs(commands::runs::Runs),
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

const EXIT_NOT_KNOWN: u8 = 2;
const EXIT_USAGE: u8 = 64;

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "warn".into()))
        .with_writer(std::io::stderr)
        .init();
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // A broken pipe leaves nobody to tell.
            let printed = error.print();
            return if error.use_stderr() || printed.is_err() { ExitCode::from(EXIT_USAGE) } else { ExitCode::SUCCESS };
        }
    };
    let mut out = std::io::stdout();
    match run(arguments, &mut out).await {
        Ok(code) => code,
        Err(error) => {
            let told = writeln!(std::io::stderr(), "error: {error:#}");
            let code = if error.is::<walk::StageFailed>() { EXIT_NOT_KNOWN } else { EXIT_USAGE };
            ExitCode::from(if told.is_err() { EXIT_USAGE + 1 } else { code })
        }
    }
}

async fn run(arguments: Arguments, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    if let Command::Completions { shell } = arguments.command {
        clap_complete::generate(shell, &mut Arguments::command(), "pacbot", out);
        return Ok(ExitCode::SUCCESS);
    }
    let mut config = Config::read(arguments.config.as_deref())?;
    if let Some(location) = arguments.lake {
        config.lake.location = location;
    }
    match arguments.command {
        Command::Init => config::init(out),
        Command::Demo(command) => commands::demo::run(&command, out).await,
        Command::Doctor(command) => commands::doctor::run(&command, &config, out).await,
        Command::Run(command) => commands::run::run(command, &config, out).await,
        Command::Collect(command) => commands::collect::run(command, &config, out).await,
        Command::Evaluate(command) => commands::evaluate::run(command, &config, out).await,
        Command::Report(command) => commands::report::run(&command, &config, out).await,
        Command::Issues(command) => commands::issues::run(&command, &config, out).await,
        Command::Fix(command) => commands::fix::run(&command, &config, out).await,
        Command::Runs(command) => commands::runs::run(&command, &config, out).await,
        Command::Schema(command) => commands::schema::run(&command, out),
        Command::Policies(command) => commands::policies::run(command, &config, out).await,
        Command::IamPolicy(command) => commands::iam_policy::run(&command, &config, out).await,
        Command::Sql(command) => commands::sql::run(&command, &config, out).await,
        Command::Lake(command) => commands::lake::run(&command, &config, out).await,
        Command::Completions { .. } => Ok(ExitCode::SUCCESS),
    }
}
