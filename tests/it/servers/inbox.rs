//! A mail server, and its inbox as a mail program reads it; see the heads of `tests/it/mail/serve.py` and `read.py`.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use super::{Server, mail_file, python};

pub(crate) struct Inbox {
    pub(crate) port: u16,
    folder: tempfile::TempDir,
    _server: Server,
}

/// A mail as a mail program reads it.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Mail {
    /// By name, in lower case.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) structure: Vec<String>,
    pub(crate) text: String,
    pub(crate) html: String,
    /// What the HTML shows.
    pub(crate) shown: String,
    pub(crate) links: Vec<String>,
    pub(crate) elements: Vec<String>,
    /// What is wrong with the HTML.
    pub(crate) mistakes: Vec<String>,
}

impl Mail {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

impl Inbox {
    /// Starts the server with further arguments.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut command = python();
        command.arg(mail_file("serve.py")).arg(folder.path().join("inbox")).args(arguments);
        let mut server = Server::start(command);
        Self { port: server.printed_port(), folder, _server: server }
    }

    /// How many mails came.
    pub(crate) fn count(&self) -> usize {
        std::fs::read_dir(self.folder.path().join("inbox/new")).map_or(0, Iterator::count)
    }

    /// All mails that came.
    pub(crate) fn mails(&self) -> Vec<Mail> {
        mails(&self.folder.path().join("inbox"))
    }
}

/// The mails of a Maildir or of a folder of `.eml` files.
pub(crate) fn mails(folder: &Path) -> Vec<Mail> {
    let read = python().arg(mail_file("read.py")).arg(folder).output().unwrap();
    assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
    let lines = String::from_utf8(read.stdout).unwrap();
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}
