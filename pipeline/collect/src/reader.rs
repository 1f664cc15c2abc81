//! Reads the pages of the requests of one asset type.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use pacbot_cloud::{CallError, CallErrorKind};
use pacbot_schemas::{AssetTypeDef, Path, Request, Template};
use xxhash_rust::xxh3::xxh3_64;

use crate::coverage::failure;
use crate::decode::json_text::{find_text, is_null};
use crate::decode::{Items, RequestDecoder, text, without_secrets};
use crate::paging::Position;
use crate::patience::unready;
use crate::values::Values;

/// Smaller pages are read where they arrive; larger ones would hold up the I/O of others.
const INLINE_BYTES: usize = 32 << 10;

/// An asset type with the decoders of its requests.
#[derive(Debug)]
pub(crate) struct AssetReader {
    pub(crate) def: Arc<AssetTypeDef>,
    decoders: BTreeMap<String, RequestDecoder>,
    /// By request, what is cut out of its items.
    secrets: BTreeMap<String, Vec<Path>>,
}

/// One page, read.
#[derive(Debug)]
pub(crate) struct ReadPage {
    /// The whole answer as JSON, for a follow-up that belongs to assets as it is; else empty.
    pub(crate) answer: String,
    /// The answer's items that the request's filter keeps, without secrets.
    pub(crate) items: Items,
    /// Where the next page is.
    pub(crate) next: Option<Position>,
    /// Of the whole page.
    pub(crate) hash: u64,
    /// What it lacks, where the request waits for something.
    pub(crate) unready: Option<String>,
}

impl AssetReader {
    pub(crate) fn new(def: Arc<AssetTypeDef>) -> Self {
        let decoders = def.requests.iter().map(|(name, request)| (name.clone(), RequestDecoder::new(&def, request)));
        let secrets = def.requests.iter().map(|(name, request)| (name.clone(), secret_in_items(&def.secret, request)));
        Self { decoders: decoders.collect(), secrets: secrets.collect(), def }
    }

    pub(crate) fn decoder(&self, request: &str) -> Option<&RequestDecoder> {
        self.decoders.get(request)
    }

    /// Reads a page of `request`.
    ///
    /// # Errors
    ///
    /// [`CallErrorKind::NotAnApi`] if the page is not of its protocol or does not say where the next one is.
    pub(crate) async fn read(
        self: &Arc<Self>,
        request: &Request,
        body: Bytes,
        position: &Position,
        values: Values<'_>,
    ) -> Result<ReadPage, CallError> {
        let filter = filled(request, values);
        if body.len() <= INLINE_BYTES {
            return self.read_now(&request.name, body, position, &filter);
        }
        let (reader, name, position) = (self.clone(), request.name.clone(), position.clone());
        blocking(move || reader.read_now(&name, body, &position, &filter)).await?
    }

    fn read_now(
        &self,
        name: &str,
        body: Bytes,
        position: &Position,
        filter: &[(Path, Vec<String>)],
    ) -> Result<ReadPage, CallError> {
        let unreadable = |error: &dyn std::fmt::Display| failure(CallErrorKind::NotAnApi, error);
        let (Some(request), Some(decoder)) = (self.def.requests.get(name), self.decoder(name)) else {
            return Err(failure(CallErrorKind::Request, format!("there is no request `{name}`")));
        };
        let hash = xxh3_64(&body);
        let body = text(body);
        let answer = decoder.answer(&body).map_err(|error| unreadable(&error))?;
        let is_kept = |item: &str| {
            let keeps = |(path, values): &(Path, Vec<String>)| {
                find_text(item, path).is_some_and(|value| values.iter().any(|kept| *kept == value))
            };
            !is_null(item) && filter.iter().all(keeps)
        };
        let secret = self.secrets.get(name).map(Vec::as_slice).unwrap_or_default();
        let mut items = Items::default();
        let unready = unready(request, |path| answer.text_at(path));
        let mut keep = |item: &str| {
            if is_kept(item) {
                items.push(&without_secrets(item, secret));
            }
        };
        let listed = match &request.table {
            Some(table) if unready.is_none() => answer.each_line(table, keep).map_err(|error| unreadable(&error))?,
            Some(_) => 0,
            None => answer.each_item(request.items.as_ref(), &mut keep),
        };
        let next = position.next(request, &answer, listed).map_err(|error| unreadable(&error))?;
        let whole = match (decoder.is_whole(), self.def.secret.is_empty()) {
            (false, _) => String::new(),
            (true, true) => answer.to_json().into_owned(),
            (true, false) => without_secrets(&answer.to_json(), &self.def.secret).into_owned(),
        };
        Ok(ReadPage { answer: whole, items, next, hash, unready })
    }
}

/// The filter of `request`; a value whose placeholders have none keeps nothing.
fn filled(request: &Request, values: Values<'_>) -> Vec<(Path, Vec<String>)> {
    let fill = |template: &Template| template.fill(|name| values.get(name));
    let kept = |templates: &[Template]| templates.iter().filter_map(fill).collect();
    request.filter.iter().map(|(path, templates)| (path.clone(), kept(templates))).collect()
}

/// The secret paths as they stand in an item of `request`: those of a follow-up begin at its answer.
fn secret_in_items(secret: &[Path], request: &Request) -> Vec<Path> {
    let above = request.items.as_ref().map(|items| items.0.as_slice()).unwrap_or_default();
    let below = |path: &Path| {
        let (head, tail) = path.0.split_at_checked(above.len())?;
        let is_below = !head.is_empty() && head.iter().zip(above).all(|(one, other)| one.name == other.name);
        is_below.then(|| Path(tail.to_vec()))
    };
    secret.iter().cloned().chain(secret.iter().filter_map(below)).collect()
}

/// Runs work that takes more than about a millisecond beside the I/O runtime.
///
/// # Errors
///
/// [`CallErrorKind::Request`] if the work panicked, or was stopped with the runtime.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, CallError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| failure(CallErrorKind::Request, format!("decoding failed: {error}")))
}
