//! moto_server, an emulator of AWS.

use super::{Server, estate_file, python};

pub(crate) struct Moto {
    pub(crate) port: u16,
    _server: Server,
}

impl Moto {
    pub(crate) fn start() -> Self {
        let mut command = python();
        command.arg(estate_file("serve.py"));
        let mut server = Server::start(command);
        Self { port: server.printed_port(), _server: server }
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}
