//! A Ballista cluster on loopback: `pacbot scheduler` and two of `pacbot executor`.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;

use super::Server;
use crate::pacbot::Pacbot;

pub(crate) struct Ballista {
    port: u16,
    executors: Vec<Server>,
    _scheduler: Server,
}

impl Ballista {
    /// A cluster that reads the lake of `pacbot`; each of its executors may take so much memory.
    pub(crate) fn start(pacbot: &Pacbot, memory: &str) -> Self {
        let mut scheduler = Server::start(command(pacbot, &["scheduler", "--bind", "127.0.0.1:0"]));
        let port = scheduler.printed_port();
        let address = format!("127.0.0.1:{port}");
        let executor = || command(pacbot, &["executor", "--scheduler", &address, "--memory", memory, "--tasks", "2"]);
        let executors = (0..2).map(|_| Server::start(executor())).collect();
        scheduler.until(|_| (ready(port)? == "ready: 2 executors registered").then_some(()));
        Self { port, executors, _scheduler: scheduler }
    }

    /// The `[evaluate]` table that names it.
    pub(crate) fn config(&self) -> String {
        format!("[evaluate]\nengine = \"ballista\"\nscheduler = \"http://127.0.0.1:{}\"\nparts = 4\n", self.port)
    }

    /// What the executors logged.
    pub(crate) fn logs(&self) -> String {
        self.executors.iter().map(|executor| std::fs::read_to_string(&executor.log).unwrap()).collect()
    }
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
