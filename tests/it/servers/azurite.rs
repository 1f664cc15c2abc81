//! Azurite, an emulator of Azure Blob Storage.

use std::process::Command;

use super::{Server, free_port, python, tool};

const CONTAINER: &str = "lake";
/// The account that every Azurite has, with the key that its documentation publishes.
const ACCOUNT: &str = "devstoreaccount1";
const KEY: &str = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

pub(crate) struct Azurite {
    port: u16,
    _server: Server,
}

impl Azurite {
    pub(crate) fn start() -> Self {
        let port = free_port();
        let mut command = Command::new(tool("node/node_modules/.bin/azurite-blob"));
        command.args([
            "--blobHost",
            "127.0.0.1",
            "--inMemoryPersistence",
            "--skipApiVersionCheck",
            "--silent",
            "--disableTelemetry",
        ]);
        command.args(["--blobPort", &port.to_string()]);
        let mut server = Server::start(command);
        server.until_listening(port);
        let azurite = Self { port, _server: server };
        let made = python()
            .arg("-c")
            .arg("import sys; from azure.storage.blob import ContainerClient; ContainerClient(sys.argv[1], sys.argv[2], credential={'account_name': sys.argv[3], 'account_key': sys.argv[4]}).create_container()")
            .args([&azurite.endpoint(), CONTAINER, ACCOUNT, KEY])
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        azurite
    }

    fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}/{ACCOUNT}", self.port)
    }

    /// The `[lake]` table that names a prefix of the container.
    pub(crate) fn config(&self, prefix: &str) -> String {
        // Azurite lists otherwise than Azure, which the store knows when it is told.
        format!(
            "[lake]\nlocation = \"az://{CONTAINER}/{prefix}\"\noptions = {{ azure_storage_use_emulator = \"true\" }}\n"
        )
    }

    /// The variable that tells the store where the emulator is.
    pub(crate) fn variable(&self) -> (&'static str, String) {
        ("AZURITE_BLOB_STORAGE_URL", format!("http://127.0.0.1:{}", self.port))
    }
}
