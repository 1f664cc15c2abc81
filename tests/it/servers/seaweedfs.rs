//! SeaweedFS, an object store that speaks S3.

use std::process::Command;

use super::{Server, free_port, tool};

/// Any pair will do; the store knows this one.
const KEY: (&str, &str) = ("AKIAIOSFODNN7EXAMPLE", "loopback");
const BUCKET: &str = "lake";

pub(crate) struct SeaweedFs {
    port: u16,
    _server: Server,
}

impl SeaweedFs {
    pub(crate) fn start() -> Self {
        let port = free_port();
        let mut command = Command::new(tool("python/bin/weed"));
        command
            .args(["mini", "-dir=.", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-admin.ui=false", "-webdav=false"])
            .args([format!("-bucket={BUCKET}"), format!("-s3.port={port}"), "-s3.port.iceberg=0".to_owned()])
            // Otherwise they lie in /tmp for ever.
            .args(["-s3.localSocket=s3.sock", "-filer.localSocket=filer.sock"])
            .env("AWS_ACCESS_KEY_ID", KEY.0)
            .env("AWS_SECRET_ACCESS_KEY", KEY.1);
        for name in [
            "s3.port.grpc",
            "s3.port.lance",
            "master.port",
            "master.port.grpc",
            "volume.port",
            "volume.port.grpc",
            "filer.port",
            "filer.port.grpc",
            "admin.port",
            "admin.port.grpc",
        ] {
            command.arg(format!("-{name}={}", free_port()));
        }
        let mut server = Server::start(command);
        server.until_listening(port);
        // The bucket is made after that.
        server.until(|server| std::fs::read_to_string(&server.log).ok()?.contains("ready to use").then_some(()));
        Self { port, _server: server }
    }

    /// The `[lake]` table that names a prefix of the bucket.
    pub(crate) fn config(&self, prefix: &str) -> String {
        format!(
            "[lake]\nlocation = \"s3://{BUCKET}/{prefix}\"\noptions = {{ aws_endpoint = \"http://127.0.0.1:{}\", aws_allow_http = \"true\", aws_region = \"us-east-1\", aws_access_key_id = \"{}\", aws_secret_access_key = \"{}\" }}\n",
            self.port, KEY.0, KEY.1
        )
    }
}
