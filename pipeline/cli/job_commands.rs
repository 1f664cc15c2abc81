//! What may stand as `command` of a job: arguments that this executable takes, checked when the file is read.

use std::collections::BTreeSet;

use clap::Parser;
use pacbot_jobs::{Job, SCHEDULER};
use pacbot_schemas::SourceError;

use crate::{Arguments, Command};

/// Makes sure that every job has a name of its own and a command that can be run by itself.
pub(crate) fn check(jobs: &[Job], file: &str, text: &str) -> Result<(), SourceError> {
    let mut names = BTreeSet::new();
    for job in jobs {
        let name = job.name();
        let wrong_name = |message: String| Err(SourceError::at(file, text, job.name.span(), message));
        if name.as_str() == SCHEDULER {
            return wrong_name(format!("`{SCHEDULER}` is the scheduler's own name"));
        }
        if !names.insert(name) {
            return wrong_name(format!("two jobs are called `{name}`"));
        }
        if let Some(message) = mistake(job.command.get_ref()) {
            let message = format!("the command of `{name}` cannot be run: {message}");
            return Err(SourceError::at(file, text, job.command.span(), message));
        }
    }
    Ok(())
}

fn mistake(command: &[String]) -> Option<String> {
    let arguments = match Arguments::try_parse_from(std::iter::once("pacbot").chain(command.iter().map(String::as_str)))
    {
        Ok(arguments) => arguments,
        Err(error) => {
            let told = error.to_string();
            let first = told.lines().find(|line| !line.is_empty()).unwrap_or_default();
            return Some(first.trim_start_matches("error: ").replace('\'', "`"));
        }
    };
    if arguments.config.is_some() || arguments.lake.is_some() {
        return Some("it has the scheduler's own configuration and lake".to_owned());
    }
    match arguments.command {
        Command::Schedule(_) | Command::Jobs(_) => Some("a job starts no jobs".to_owned()),
        Command::Init | Command::Completions { .. } => Some("it is for people".to_owned()),
        Command::Sql(sql) if sql.is_prompt() => Some("a prompt needs somebody to type; give a statement".to_owned()),
        _ => None,
    }
}
