//! Records every exchange that passes, without credentials, into a folder that [`crate::Replay`] reads.
//!
//! Exchanges are kept in memory until [`Recorder::finish`] writes them, sorted, so that recording the same
//! cloud again changes few lines. A process that is killed before leaves an older recording as it was.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::{Request, Response};

use crate::recording::{Exchange, INFO_FILE, Outcome, RecordedRequest, RecordingError, RecordingInfo, file_of};
use crate::transport::{CREDENTIALS_SERVICE, CallLabel, Transport, TransportError};

/// Passes requests to another transport and records them.
///
/// What the credential chain itself asks (IMDS, SSO, web identity) is passed and never recorded.
#[derive(Debug)]
pub struct Recorder {
    inner: Arc<dyn Transport>,
    folder: PathBuf,
    files: Mutex<BTreeMap<String, Vec<Exchange>>>,
}

impl Recorder {
    /// Records what passes to `inner` into `folder`, which is empty, absent, or an older recording that is
    /// then replaced.
    ///
    /// # Errors
    ///
    /// [`RecordingError::NotARecording`] if the folder holds something else.
    pub fn new(inner: Arc<dyn Transport>, folder: impl Into<PathBuf>) -> Result<Self, RecordingError> {
        let folder = folder.into();
        let is_used = match fs::read_dir(&folder) {
            Ok(mut entries) => entries.next().is_some(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            Err(source) => return Err(RecordingError::Io { path: folder, source }),
        };
        if is_used && !folder.join(INFO_FILE).is_file() {
            return Err(RecordingError::NotARecording { path: folder });
        }
        Ok(Self { inner, folder, files: Mutex::default() })
    }

    /// Writes what was recorded so far; `details` says what that is (accounts, regions, asset types). Each file is
    /// replaced as a whole; files of an older recording that have no successor are removed.
    ///
    /// # Errors
    ///
    /// [`RecordingError::Io`] if a file cannot be written.
    pub async fn finish(&self, recorded_at: DateTime<Utc>, details: serde_json::Value) -> Result<(), RecordingError> {
        let info = RecordingInfo { recorded_at, pacbot: env!("CARGO_PKG_VERSION").into(), details };
        let files = self.files.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let folder = self.folder.clone();
        let write = move || write(&folder, files, &info);
        match tokio::task::spawn_blocking(write).await {
            Ok(written) => written,
            Err(error) => Err(RecordingError::Io { path: self.folder.clone(), source: io::Error::other(error) }),
        }
    }

    fn record(&self, label: &CallLabel, request: RecordedRequest, outcome: Outcome) {
        let exchange = Exchange { operation: label.operation.clone(), request, outcome };
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        files.entry(file_of(label)).or_default().push(exchange);
    }
}

#[async_trait]
impl Transport for Recorder {
    async fn send(&self, call: &CallLabel, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        if call.service == CREDENTIALS_SERVICE {
            return self.inner.send(call, request).await;
        }
        let recorded = RecordedRequest::of(&request);
        let token = request.headers().get("x-amz-security-token").and_then(|token| token.to_str().ok());
        let token = token.map(str::to_owned);
        let sent = self.inner.send(call, request).await;
        if let Some(outcome) = Outcome::of(call, token.as_deref(), &sent) {
            self.record(call, recorded, outcome);
        }
        sent
    }

    fn is_replay(&self) -> bool {
        self.inner.is_replay()
    }
}

fn write(folder: &Path, files: BTreeMap<String, Vec<Exchange>>, info: &RecordingInfo) -> Result<(), RecordingError> {
    remove_stale(folder, &files)?;
    for (file, mut exchanges) in files {
        // Stable: answers to the same request stay in the order in which they came.
        exchanges.sort_by(|one, other| (&one.operation, &one.request).cmp(&(&other.operation, &other.request)));
        let mut text = Vec::new();
        for exchange in &exchanges {
            serde_json::to_writer(&mut text, exchange).map_err(|source| RecordingError::Line {
                file: file.clone(),
                line: 0,
                source,
            })?;
            text.push(b'\n');
        }
        replace(&folder.join(file), &text)?;
    }
    let mut text = serde_json::to_vec_pretty(info).map_err(|source| RecordingError::Line {
        file: INFO_FILE.into(),
        line: 0,
        source,
    })?;
    text.push(b'\n');
    replace(&folder.join(INFO_FILE), &text)
}

/// Writes a file beside its place and moves it there.
fn replace(path: &Path, text: &[u8]) -> Result<(), RecordingError> {
    let part = path.with_extension("part");
    let written = (|| {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut file = fs::File::create(&part)?;
        file.write_all(text)?;
        file.sync_all()?;
        fs::rename(&part, path)
    })();
    written.map_err(|source| RecordingError::Io { path: path.to_owned(), source })
}

/// Removes the files of an older recording of accounts, regions or services that are no longer there.
fn remove_stale(folder: &Path, files: &BTreeMap<String, Vec<Exchange>>) -> Result<(), RecordingError> {
    for file in crate::replay::files_of(folder)? {
        if !files.contains_key(&file) {
            let path = folder.join(file);
            fs::remove_file(&path).map_err(|source| RecordingError::Io { path, source })?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
