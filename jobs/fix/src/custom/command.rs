//! A command: a program with arguments, never a shell. It gets the job as JSON on its standard input and answers on its
//! standard output; an exit code but 0 is a failure.

use std::process::Stdio;
use std::time::Duration;

use pacbot_collect::Lookup;
use pacbot_schemas::Template;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;

use super::{ANSWER_BYTES, given, may, reading};
use crate::declared::Stage;
use crate::facts::Facts;
use crate::fix::{FixError, Job};
use crate::state::Reading;

/// What of our environment a command sees.
const KEPT_VARIABLES: [&str; 4] = ["PATH", "HOME", "LANG", "TMPDIR"];

/// How much of what a failed command said is kept.
const TOLD_CHARS: usize = 500;

pub(crate) async fn run(
    job: Job<'_>,
    arguments: &[Template],
    limit: Duration,
    facts: &Facts,
    stage: Stage,
) -> Result<Reading, FixError> {
    let filled: Option<Vec<String>> = arguments.iter().map(|argument| argument.fill(|name| facts.text(name))).collect();
    let filled = filled.ok_or_else(|| FixError::unexpected("the command has a placeholder without a value"))?;
    let Some((program, arguments)) = filled.split_first() else {
        return Err(FixError::unexpected("the command is empty"));
    };
    may(job, program, stage).await?;
    let failed = |reason: String| FixError::Custom { call: program.clone(), reason };
    let input = given(facts, stage).to_string();
    let mut child = Command::new(program)
        .args(arguments)
        // Our credentials are none of its business.
        .env_clear()
        .envs(KEPT_VARIABLES.iter().filter_map(|name| Some((*name, std::env::var_os(name)?))))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| failed(error.to_string()))?;
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let write = async {
        // A program that does not read its input may end before it is written.
        if let Some(mut stdin) = stdin {
            drop(stdin.write_all(input.as_bytes()).await);
        }
    };
    let talk = async {
        let ((), out, err) = tokio::join!(write, taken(stdout), taken(stderr));
        Ok::<_, std::io::Error>((out?, err?, child.wait().await?))
    };
    let (out, err, status) = match tokio::time::timeout(limit, talk).await {
        Ok(ended) => ended.map_err(|error| failed(error.to_string()))?,
        Err(_) => return Err(failed(format!("it did not end within {}", humantime::format_duration(limit)))),
    };
    if !status.success() {
        let told: String = String::from_utf8_lossy(&err).trim().chars().take(TOLD_CHARS).collect();
        return Err(failed(format!("{status}: {told}")));
    }
    reading(program, out)
}

async fn taken(pipe: Option<impl tokio::io::AsyncRead + Unpin>) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(mut pipe) = pipe {
        (&mut pipe).take(ANSWER_BYTES as u64).read_to_end(&mut bytes).await?;
        // The rest is read and dropped, so that the program can end.
        tokio::io::copy(&mut pipe, &mut tokio::io::sink()).await?;
    }
    Ok(bytes)
}
