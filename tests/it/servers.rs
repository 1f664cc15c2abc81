//! Servers that other people wrote, as child processes on loopback.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

pub(crate) mod azurite;
#[cfg(feature = "ballista")]
pub(crate) mod ballista;
pub(crate) mod collector;
pub(crate) mod fault_proxy;
pub(crate) mod inbox;
pub(crate) mod moto;
pub(crate) mod seaweedfs;
pub(crate) mod stub;

/// A server that does not answer by then never will.
const START_LIMIT: Duration = Duration::from_secs(240);

/// How long a server may take to end by itself.
const STOP_LIMIT: Duration = Duration::from_secs(5);

/// How much of a server's log is shown with a failure.
const SHOWN_LINES: usize = 40;

/// A child process with its log; it is stopped, with its own children, when this is dropped.
pub(crate) struct Server {
    child: Child,
    log: PathBuf,
    /// Deleted with the server.
    _folder: tempfile::TempDir,
}

/// Where `tests/run` installed a program.
pub(crate) fn tool(path: &str) -> PathBuf {
    let tool = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../test-tools").join(path);
    assert!(tool.exists(), "`{}` is missing: run tests/run once, it installs the servers", tool.display());
    tool
}

pub(crate) fn python() -> Command {
    let mut python = Command::new(tool("python/bin/python"));
    python.env("PYTHONDONTWRITEBYTECODE", "1");
    python
}

/// A file of the tests' estate.
pub(crate) fn estate_file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/estate").join(name)
}

/// A file of the tests of messages.
pub(crate) fn mail_file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/mail").join(name)
}

/// A port that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Server {
    /// Starts a program in an empty folder of its own.
    fn start(mut command: Command) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("server.log");
        let output = File::create(&log).unwrap();
        let child = command
            .current_dir(folder.path())
            // Sockets, logs and caches go with the folder.
            .env("TMPDIR", folder.path())
            .stdin(Stdio::null())
            .stdout(output.try_clone().unwrap())
            .stderr(output)
            // A group of its own, so that its children stop with it.
            .process_group(0)
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?} did not start: {error}"));
        Self { child, log, _folder: folder }
    }

    /// The port that the server prints as `listening on PORT`, or with an address before it.
    fn printed_port(&mut self) -> u16 {
        self.until(|server| {
            let lines = BufReader::new(File::open(&server.log).unwrap()).lines().map_while(Result::ok);
            lines.filter_map(|line| line.strip_prefix("listening on ")?.rsplit(':').next()?.trim().parse().ok()).next()
        })
    }

    /// Waits until something listens on the port.
    fn until_listening(&mut self, port: u16) {
        self.until(|_| TcpStream::connect(("127.0.0.1", port)).ok().map(drop));
    }

    /// Waits for a condition; fails with the server's log when it ends or takes too long.
    pub(crate) fn until<T>(&mut self, condition: impl Fn(&Self) -> Option<T>) -> T {
        let began = Instant::now();
        loop {
            if let Some(value) = condition(self) {
                return value;
            }
            let ended = self.child.try_wait().unwrap();
            if ended.is_some() || began.elapsed() > START_LIMIT {
                let log = std::fs::read_to_string(&self.log).unwrap_or_default();
                panic!("the server did not come up ({ended:?}):\n{log}");
            }
            std::thread::park_timeout(Duration::from_millis(20));
        }
    }

    /// Signals the server and its children; they may have ended already.
    fn signal(&self, name: &str) {
        let group = format!("-{}", self.child.id());
        drop(Command::new("kill").args([name, "--", &group]).stderr(Stdio::null()).status());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = std::fs::read(&self.log).unwrap_or_default();
            let log = String::from_utf8_lossy(&log);
            let lines: Vec<&str> = log.lines().collect();
            let shown = lines[lines.len().saturating_sub(SHOWN_LINES)..].join("\n");
            println!("the end of a server's log, of {} lines:\n{shown}", lines.len());
        }
        self.signal("-TERM");
        let began = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) && began.elapsed() < STOP_LIMIT {
            std::thread::park_timeout(Duration::from_millis(10));
        }
        // Children may outlive the one that started them.
        self.signal("-KILL");
        drop(self.child.wait());
    }
}
