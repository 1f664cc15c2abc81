//! Chats, webhooks and ticket trackers that record; see the head of `tests/it/mail/stub.py`.

use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use super::{Server, mail_file, python};

/// What webhooks are signed with, and whose password trackers take.
pub(crate) const SECRET: &str = "loopback";

pub(crate) struct Stub {
    port: u16,
    _server: Server,
}

/// One request that came.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Request {
    pub(crate) path: String,
    pub(crate) headers: Value,
    pub(crate) body: Value,
    /// Seconds since the epoch.
    pub(crate) at: f64,
    /// Whether its signature is right.
    pub(crate) signed: bool,
    /// What is wrong with its body by the schema.
    pub(crate) mistakes: Vec<String>,
}

impl Stub {
    pub(crate) fn start() -> Self {
        let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/webhook.schema.json");
        let mut command = python();
        command.arg(mail_file("stub.py")).arg(schema).arg(SECRET);
        let mut server = Server::start(command);
        Self { port: server.printed_port(), _server: server }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// What paths answer next, each answer once.
    pub(crate) async fn answers(&self, answers: &Value) {
        let put = reqwest::Client::new().put(self.url("/_answers")).body(answers.to_string());
        put.send().await.unwrap().error_for_status().unwrap();
    }

    /// The requests to a path, in order.
    pub(crate) async fn requests(&self, path: &str) -> Vec<Request> {
        let all: Vec<Request> = serde_json::from_value(self.get("/_requests").await).unwrap();
        all.into_iter().filter(|request| request.path == path).collect()
    }

    /// The tickets of a tracker: `jira` or `servicenow`.
    pub(crate) async fn tickets(&self, tracker: &str) -> Vec<Value> {
        self.get("/_tickets").await[tracker].as_array().unwrap().clone()
    }

    async fn get(&self, path: &str) -> Value {
        let answer = reqwest::get(self.url(path)).await.unwrap();
        serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap()
    }
}
