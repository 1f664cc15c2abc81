//! The proxy that misbehaves as it is told; see the head of `tests/estate/fault_proxy.py`.

use serde_json::Value;

use super::{Server, estate_file, python};

pub(crate) struct FaultProxy {
    pub(crate) port: u16,
    _server: Server,
}

impl FaultProxy {
    pub(crate) fn start(upstream: &str) -> Self {
        let mut command = python();
        command.arg(estate_file("fault_proxy.py")).args(["--upstream", upstream]);
        let mut server = Server::start(command);
        Self { port: server.printed_port(), _server: server }
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Replaces the rules and clears the counts.
    pub(crate) async fn rules(&self, rules: &Value) {
        let put = reqwest::Client::new().put(format!("{}/_faults", self.endpoint())).body(rules.to_string());
        put.send().await.unwrap().error_for_status().unwrap();
    }

    /// Calls by `service:operation`, and how often each rule struck.
    pub(crate) async fn report(&self) -> Value {
        let answer = reqwest::get(format!("{}/_faults", self.endpoint())).await.unwrap();
        serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap()
    }
}
