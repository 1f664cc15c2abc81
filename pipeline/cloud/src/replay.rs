//! Answers from a recording, without network and credentials.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};

use crate::recording::{Exchange, INFO_FILE, Outcome, RecordedRequest, RecordingError, RecordingInfo, file_of};
use crate::transport::{CallLabel, Transport, TransportError};

/// A recording that answers.
///
/// The same request is answered in the order in which it was recorded; the last answer repeats.
#[derive(Debug)]
pub struct Replay {
    info: RecordingInfo,
    files: HashMap<String, Exchanges>,
}

/// By operation too: two JSON operations without parameters differ in a header only.
type Exchanges = HashMap<(String, RecordedRequest), Answers>;

#[derive(Debug, Default)]
struct Answers {
    outcomes: Vec<Outcome>,
    next: AtomicUsize,
}

impl Replay {
    /// Reads a recording from its folder.
    ///
    /// # Errors
    ///
    /// [`RecordingError`] if the folder holds no recording or a line of it cannot be read.
    pub fn open(folder: &Path) -> Result<Self, RecordingError> {
        let mut files = Vec::new();
        for file in files_of(folder)?.into_iter().chain([INFO_FILE.to_owned()]) {
            let path = folder.join(&file);
            let text = fs::read(&path).map_err(|source| RecordingError::Io { path, source })?;
            files.push((file, text));
        }
        Self::from_files(files.iter().map(|(file, text)| (file.clone(), text.as_slice())))
    }

    /// Reads a recording from (path below its folder, content), for recordings inside the executable.
    ///
    /// # Errors
    ///
    /// [`RecordingError`] if `recording.json` is missing or a line cannot be read.
    pub fn from_files<'a>(files: impl IntoIterator<Item = (String, &'a [u8])>) -> Result<Self, RecordingError> {
        let mut info = None;
        let mut exchanges = HashMap::new();
        for (file, text) in files {
            if file == INFO_FILE {
                let parsed = serde_json::from_slice(text);
                info = Some(parsed.map_err(|source| RecordingError::Line { line: source.line(), file, source })?);
            } else if file.ends_with(".jsonl") {
                let parsed = answers(&file, text)?;
                exchanges.insert(file, parsed);
            }
        }
        let missing = || RecordingError::Io { path: INFO_FILE.into(), source: io::ErrorKind::NotFound.into() };
        Ok(Self { info: info.ok_or_else(missing)?, files: exchanges })
    }

    /// When and by what the recording was made, and what it covers.
    #[must_use]
    pub fn info(&self) -> &RecordingInfo {
        &self.info
    }
}

#[async_trait]
impl Transport for Replay {
    async fn send(&self, call: &CallLabel, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let wanted = (call.operation.clone(), RecordedRequest::of(&request));
        let answers = self.files.get(&file_of(call)).and_then(|file| file.get(&wanted));
        answers.and_then(Answers::next).unwrap_or_else(|| {
            let RecordedRequest { method, path, query, body } = wanted.1;
            Err(TransportError::NotRecorded { exchange: format!("{call}: {method} {path}?{query} {body}") })
        })
    }

    fn is_replay(&self) -> bool {
        true
    }
}

impl Answers {
    fn next(&self) -> Option<Result<Response<Bytes>, TransportError>> {
        let at = self.next.fetch_add(1, Ordering::Relaxed);
        self.outcomes.get(at).or_else(|| self.outcomes.last())?.replayed()
    }
}

fn answers(file: &str, text: &[u8]) -> Result<Exchanges, RecordingError> {
    let mut answers = Exchanges::new();
    for (index, line) in text.split(|byte| *byte == b'\n').enumerate() {
        if line.trim_ascii().is_empty() {
            continue;
        }
        let exchange: Exchange = serde_json::from_slice(line).map_err(|source| RecordingError::Line {
            file: file.to_owned(),
            line: index + 1,
            source,
        })?;
        answers.entry((exchange.operation, exchange.request)).or_default().outcomes.push(exchange.outcome);
    }
    Ok(answers)
}

/// The files of exchanges below `folder`, sorted; none if it does not exist.
pub(crate) fn files_of(folder: &Path) -> Result<Vec<String>, RecordingError> {
    let mut files = Vec::new();
    for account in names(folder)? {
        for region in names(&folder.join(&account))? {
            for file in names(&folder.join(&account).join(&region))? {
                if file.ends_with(".jsonl") {
                    files.push(format!("{account}/{region}/{file}"));
                }
            }
        }
    }
    files.sort();
    Ok(files)
}

/// The names in a folder; none if it is no folder.
fn names(folder: &Path) -> Result<Vec<String>, RecordingError> {
    let failed = |source| RecordingError::Io { path: folder.to_owned(), source };
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        Err(source) => return Err(failed(source)),
    };
    let mut names = Vec::new();
    for entry in entries {
        // A name that is no text is none of ours.
        names.extend(entry.map_err(failed)?.file_name().into_string());
    }
    Ok(names)
}
