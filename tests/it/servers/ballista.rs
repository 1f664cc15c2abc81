//! A Ballista cluster on loopback: `pacbot scheduler` and two of `pacbot executor`.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;

use super::Server;
use crate::pacbot::Pacbot;

pub(crate) struct Ballista {
    port: u16,
    executors: Vec<Server>,
    scheduler: Server,
}

impl Ballista {
    /// A cluster that reads the lake of `pacbot`; each of its executors may take so much memory and runs so
    /// many parts at the same time.
    pub(crate) fn start(pacbot: &Pacbot, memory: &str, tasks: u32) -> Self {
        let mut scheduler = Server::start(command(pacbot, &["scheduler", "--bind", "127.0.0.1:0"]));
        let port = scheduler.printed_port();
        let address = format!("127.0.0.1:{port}");
        let tasks = tasks.to_string();
        let executor =
            || command(pacbot, &["executor", "--scheduler", &address, "--memory", memory, "--tasks", &tasks]);
        let executors = (0..2).map(|_| Server::start(executor())).collect();
        scheduler.until(|_| (ready(port)? == "ready: 2 executors registered").then_some(()));
        Self { port, executors, scheduler }
    }

    /// The `[evaluate]` table that names it.
    pub(crate) fn config(&self) -> String {
        format!("[evaluate]\nengine = \"ballista\"\nscheduler = \"http://127.0.0.1:{}\"\nparts = 4\n", self.port)
    }

    /// Kills an executor, with all that it holds, while it runs a part of such a stage.
    pub(crate) fn kill_executor_in_stage(&mut self, is_meant: impl Fn(usize) -> bool) {
        let executors = &self.executors;
        let at_work = |_: &Server| executors.iter().position(|executor| under_way(executor).any(&is_meant));
        let at_work = self.scheduler.until(at_work);
        self.executors.remove(at_work).signal("-KILL");
    }

    /// What the executors logged.
    pub(crate) fn logs(&self) -> String {
        self.executors.iter().map(|executor| std::fs::read_to_string(&executor.log).unwrap()).collect()
    }
}

/// The stages of which an executor runs a part, as its log tells.
fn under_way(executor: &Server) -> impl Iterator<Item = usize> {
    let log = std::fs::read_to_string(&executor.log).unwrap();
    let mut parts = BTreeSet::new();
    for line in log.lines() {
        if let Some((_, part)) = line.split_once("Execute task  : [") {
            parts.insert(part.trim_end_matches(']').to_owned());
        } else if let Some((_, part)) = line.split_once("Finished task : [") {
            parts.remove(part.split(']').next().unwrap_or_default());
        }
    }
    // TID JOB/STAGE.ATTEMPT/TASK
    parts.into_iter().filter_map(|part| part.split('/').nth(1)?.split('.').next()?.parse().ok())
}

/// A command in a folder of its own, with the configuration of `pacbot`.
fn command(pacbot: &Pacbot, arguments: &[&str]) -> Command {
    let mut command = pacbot.command(&[]);
    command.arg("--config").arg(pacbot.path("pacbot.toml")).args(arguments);
    command.env("RUST_LOG", "warn,ballista_executor=info,ballista_scheduler=info");
    command
}

/// What the scheduler says of its executors.
fn ready(port: u16) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.write_all(b"GET /readyz HTTP/1.0\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    answer.lines().last().map(str::to_owned)
}
