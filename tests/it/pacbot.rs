//! The executable in a folder of its own.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde::de::DeserializeOwned;
use serde_json::Value;

/// A folder with a configuration and, by default, the lake.
pub(crate) struct Pacbot {
    folder: tempfile::TempDir,
    variables: Vec<(&'static str, String)>,
}

/// Stands after the rows of each of several statements.
const END: &str = "end_of_rows";

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// The recorded answers of one of the demo's days.
pub(crate) fn recording(day: u32) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("pipeline/cli/demo/day{day}")).display().to_string()
}

impl Pacbot {
    pub(crate) fn new(config: &str) -> Self {
        let pacbot = Self { folder: tempfile::tempdir().unwrap(), variables: Vec::new() };
        pacbot.configure(config);
        pacbot
    }

    /// Adds variables to the environment of its commands.
    pub(crate) fn with(mut self, variables: &[(&'static str, String)]) -> Self {
        self.variables.extend_from_slice(variables);
        self
    }

    /// Replaces the configuration.
    pub(crate) fn configure(&self, config: &str) {
        std::fs::write(self.path("pacbot.toml"), config).unwrap();
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The command, not yet started. It finds no configuration and no credentials of the machine's user.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pacbot"));
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.folder.path())
            // A killed one leaves nothing elsewhere.
            .env("TMPDIR", self.folder.path())
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
            .env("AWS_SECRET_ACCESS_KEY", "loopback")
            .envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        Ended::of(self.command(arguments).output().unwrap())
    }

    /// Runs a command that must end with this code.
    pub(crate) fn expect(&self, code: i32, arguments: &[&str]) -> Ended {
        let ended = self.run(arguments);
        assert_eq!(ended.code, Some(code), "{arguments:?}: {ended:?}");
        ended
    }

    /// The rows of several statements, as text, from one process.
    pub(crate) fn answers(&self, statements: &[&str]) -> Vec<String> {
        use std::io::Write;
        let mut command = self.command(&["sql", "--format", "json"]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut input = child.stdin.take().unwrap();
        for statement in statements {
            writeln!(input, "{statement};\nselect '{END}' as {END};").unwrap();
        }
        drop(input);
        let ended = Ended::of(child.wait_with_output().unwrap());
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let end = format!("{{\"{END}\":\"{END}\"}}\n");
        let mut answers: Vec<String> = ended.stdout.split(&end).map(str::to_owned).collect();
        assert_eq!(answers.pop().as_deref(), Some(""), "{}", ended.stdout);
        assert_eq!(answers.len(), statements.len());
        answers
    }

    /// The rows of a statement.
    pub(crate) fn rows<T: DeserializeOwned>(&self, sql: &str) -> Vec<T> {
        let ended = self.expect(0, &["sql", "--format", "json", sql]);
        ended.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The first value of a statement's first row.
    pub(crate) fn value(&self, sql: &str) -> Value {
        let rows: Vec<serde_json::Map<String, Value>> = self.rows(sql);
        rows.first().and_then(|row| row.values().next().cloned()).unwrap_or(Value::Null)
    }

    /// Makes another folder with the same content.
    pub(crate) fn copy(&self) -> Self {
        let copy = Self { folder: tempfile::tempdir().unwrap(), variables: self.variables.clone() };
        let from = self.folder.path().join(".");
        let copied = Command::new("cp").arg("-R").arg(from).arg(copy.folder.path()).status().unwrap();
        assert!(copied.success());
        copy
    }
}

impl Ended {
    pub(crate) fn of(output: Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self { code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }
}
