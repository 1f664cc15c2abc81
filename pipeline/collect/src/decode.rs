//! Decodes the answers of one request into the columns that it feeds.
//!
//! An answer becomes JSON, its items are slices of that, and all items of a chunk are decoded at once into
//! arrays of the declared types. A value that does not fit its column is null and counted; nothing that an
//! API sends costs more than the values that are wrong.
//!
//! Nothing here asks for anything; see [`crate::paging`] for what is read of an answer to go on.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, RecordBatch, StructArray, new_null_array};
use arrow::compute::nullif;
use arrow::datatypes::{DataType, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::json::ReaderBuilder;
use bytes::Bytes;
use pacbot_schemas::{AssetTypeDef, Column, NextPage, Path, Protocol, Request};

mod answer;
mod conform;
mod documents;
mod items;
pub(crate) mod json_text;
mod maps;
mod sanitise;
mod secret;
mod shape;
mod table;
mod timestamps;
mod xml;

pub(crate) use answer::Answer;
use conform::Conform;
use documents::Documents;
pub(crate) use items::Items;
pub(crate) use secret::without_secrets;
use shape::Leaf;
pub(crate) use shape::Shape;

/// Why an answer is not of its protocol.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AnswerError {
    #[error(transparent)]
    Xml(#[from] xml::XmlError),
    #[error("the answer is not JSON: {0}")]
    Json(#[from] serde_json::Error),
    #[error(transparent)]
    Table(#[from] table::TableError),
}

/// How the answers of one request are read. Made once for each request of a type.
#[derive(Debug)]
pub(crate) struct RequestDecoder {
    protocol: Protocol,
    /// What is read of a whole answer, to turn XML into JSON.
    answer: Shape,
    /// What is read of one item. Usually one; columns that want different things of one value stand in
    /// different layers, each decoded by itself.
    layers: Vec<Layer>,
    columns: Vec<ColumnDecoder>,
    is_whole: bool,
}

#[derive(Debug)]
struct Layer {
    shape: Shape,
    schema: SchemaRef,
}

#[derive(Debug)]
struct ColumnDecoder {
    /// Its place in [`AssetTypeDef::columns`].
    index: usize,
    target: DataType,
    source: Source,
}

#[derive(Debug)]
enum Source {
    Answer { layer: usize, path: Path, conform: Conform },
    Documents(Documents),
}

/// The columns of some items, by their place in [`AssetTypeDef::columns`].
#[derive(Debug, Default)]
pub(crate) struct Columns {
    pub(crate) arrays: Vec<(usize, ArrayRef)>,
    /// Values that do not fit their column and are null.
    pub(crate) misfits: u64,
}

impl RequestDecoder {
    pub(crate) fn new(def: &AssetTypeDef, request: &Request) -> Self {
        let (mut shapes, mut columns): (Vec<Shape>, _) = (Vec::new(), Vec::new());
        let mut item = Shape::empty();
        let is_fed = |column: &Column| column.from == request.name && column.derived.is_none();
        let fed = def.columns.iter().enumerate().filter(|(_, column)| is_fed(column));
        for (index, column) in fed {
            let shape = Shape::of_column(column);
            item.overlay(shape.clone());
            let target = column.column_type.arrow();
            if let Some(documents) = Documents::of_column(column) {
                columns.push(ColumnDecoder { index, target, source: Source::Documents(documents) });
            } else if let Some(conform) = Conform::of_column(column, request) {
                let layer = add_layer(&mut shapes, shape);
                columns.push(ColumnDecoder {
                    index,
                    target,
                    source: Source::Answer { layer, path: column.path.clone(), conform },
                });
            }
        }
        let layers = shapes.into_iter().map(|shape| Layer { schema: Arc::new(Schema::new(shape.fields())), shape });
        if def.is_ancestor(&request.name) {
            def.columns.iter().filter_map(|column| of_parent(column, request)).for_each(|shape| item.overlay(shape));
        }
        if request.name == "list" {
            // A secret list that no column reads must be a list in XML too.
            def.secret.iter().for_each(|path| item.overlay(Shape::at(path, Shape::Any)));
        }
        let is_whole = is_whole(def, request);
        Self {
            protocol: request.protocol,
            answer: answer_shape(request, item, is_whole),
            layers: layers.collect(),
            columns,
            is_whole,
        }
    }

    /// Reads an answer.
    ///
    /// # Errors
    ///
    /// [`AnswerError`] if it is not of the request's protocol.
    pub(crate) fn answer<'a>(&'a self, body: &'a str) -> Result<Answer<'a>, AnswerError> {
        Answer::parse(body, self.protocol, &self.answer)
    }

    /// Whether columns are read from the root of answers, rather than from their items.
    pub(crate) fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// Decodes items, one a row.
    pub(crate) fn columns(&self, items: &Items) -> Columns {
        let mut misfits = 0;
        let layers: Vec<Option<StructArray>> =
            self.layers.iter().map(|layer| layer.decode(items, &mut misfits)).collect();
        let arrays = self.columns.iter().map(|column| {
            let array = match &column.source {
                Source::Answer { layer, path, conform } => match layers.get(*layer) {
                    Some(Some(objects)) => {
                        let read = conform::read(objects, path, conform, &column.target, &mut misfits);
                        if path.0.is_empty() { read.and_then(|array| without_nothing(&array, items)) } else { read }
                    }
                    _ => Ok(new_null_array(&column.target, items.len())),
                },
                Source::Documents(documents) => documents.read(items, &mut misfits),
            };
            let array = array.ok().filter(|array| array.data_type() == &column.target && array.len() == items.len());
            (
                column.index,
                array.unwrap_or_else(|| {
                    misfits += items.len() as u64;
                    new_null_array(&column.target, items.len())
                }),
            )
        });
        let arrays = arrays.collect();
        Columns { arrays, misfits }
    }
}

impl Layer {
    /// The items as objects; `None`, and all counted, only if the decoder refuses what was cut to its shape.
    fn decode(&self, items: &Items, misfits: &mut u64) -> Option<StructArray> {
        if let Ok(Some(batch)) = self.decode_text(items.text(), items.len()) {
            return Some(batch.into());
        }
        let mut sound = String::with_capacity(items.bytes());
        let mut cut = 0;
        for item in items.iter() {
            cut += sanitise::sanitise(item, &self.shape, &mut sound);
            sound.push('\n');
        }
        *misfits += cut;
        let batch = self.decode_text(&sound, items.len()).ok().flatten();
        if batch.is_none() {
            *misfits += items.len() as u64;
        }
        batch.map(StructArray::from)
    }

    fn decode_text(&self, text: &str, rows: usize) -> Result<Option<RecordBatch>, ArrowError> {
        let mut decoder = ReaderBuilder::new(self.schema.clone())
            .with_coerce_primitive(true)
            .with_batch_size(rows)
            .build_decoder()?;
        decoder.decode(text.as_bytes())?;
        Ok(decoder.flush()?.filter(|batch| batch.num_rows() == rows))
    }
}

/// The JSON text of a small XML answer that no columns are read from, for native collectors.
///
/// # Errors
///
/// [`AnswerError`] if it is not XML.
pub(crate) fn xml_to_json(body: Bytes) -> Result<String, AnswerError> {
    Ok(Answer::parse(&text(body), Protocol::RestXml, &Shape::empty())?.to_json().into_owned())
}

/// The text of a body. A stray byte in it must not cost the page.
pub(crate) fn text(body: Bytes) -> String {
    match String::from_utf8(body.into()) {
        Ok(body) => body,
        Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
    }
}

/// A column that is the whole item is null where the item is empty, which is how no answer is written.
fn without_nothing(array: &ArrayRef, items: &Items) -> Result<ArrayRef, ArrowError> {
    nullif(array, &items.iter().map(|item| Some(item == "{}")).collect::<BooleanArray>())
}

/// The first layer that `shape` fits into, which it joins.
fn add_layer(layers: &mut Vec<Shape>, shape: Shape) -> usize {
    for (index, layer) in layers.iter_mut().enumerate() {
        let mut merged = layer.clone();
        if merged.merge(shape.clone()).is_ok() {
            *layer = merged;
            return index;
        }
    }
    layers.push(shape);
    layers.len() - 1
}

/// What a column of `list` reads of the item of its parent `request`.
fn of_parent(column: &Column, request: &Request) -> Option<Shape> {
    let (first, rest) = column.path.0.split_first()?;
    let is_parents = column.from == "list" && column.derived.is_none() && first.name == request.name;
    is_parents.then(|| Shape::of_column(&Column { path: Path(rest.to_vec()), ..column.clone() }))
}

/// Whether the answers of `request` belong to assets as they are: all follow-ups but those whose items are
/// matched with assets.
fn is_whole(def: &AssetTypeDef, request: &Request) -> bool {
    let is_parent = def.is_ancestor(&request.name);
    request.name != "list" && !is_parent && request.matching.is_none()
}

/// Items in their place, and what paging reads.
fn answer_shape(request: &Request, mut item: Shape, is_whole: bool) -> Shape {
    let mut answer = match &request.items {
        None => item,
        Some(items) if is_whole => {
            item.overlay(Shape::at(items, Shape::Any));
            item
        }
        Some(items) => {
            let read = request.filter.iter().map(|(path, _)| path).chain(request.matching.iter().map(|(_, path)| path));
            read.for_each(|path| item.overlay(Shape::at(path, Shape::Leaf(Leaf::Text))));
            Shape::at(items, item)
        }
    };
    let leaves = match &request.next_page {
        NextPage::Token { tokens, more } => tokens.values().chain(more).collect(),
        NextPage::Link(link) => vec![link],
        NextPage::None | NextPage::Number(_) => Vec::new(),
    };
    leaves.into_iter().for_each(|path| answer.overlay(Shape::at(path, Shape::Leaf(Leaf::Text))));
    answer
}

#[cfg(test)]
mod tests;
