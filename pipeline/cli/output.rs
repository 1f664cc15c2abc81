//! Rows on standard output: as a table for people, as JSON, CSV or Parquet for programs.

use std::io::Write;
use std::sync::Arc;

use anyhow::Context;
use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::util::pretty::pretty_format_batches;
use clap::ValueEnum;
use datafusion::prelude::DataFrame;
use futures::TryStreamExt;
use parquet::arrow::ArrowWriter;

/// How rows are printed
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    #[default]
    Table,
    /// One object a line
    Json,
    /// With a header
    Csv,
    /// A Parquet file
    Parquet,
}

/// Prints a query's rows. All formats but the table are streamed.
pub(crate) async fn print(frame: DataFrame, format: Format, out: &mut impl Write) -> anyhow::Result<()> {
    let schema: SchemaRef = Arc::new(frame.schema().as_arrow().clone());
    let failed = "the statement failed";
    if format == Format::Table {
        let mut batches = frame.collect().await.context(failed)?;
        if batches.is_empty() {
            batches.push(RecordBatch::new_empty(schema));
        }
        writeln!(out, "{}", pretty_format_batches(&batches)?)?;
        return Ok(());
    }
    let mut batches = frame.execute_stream().await.context(failed)?;
    match format {
        Format::Table => {}
        Format::Json => {
            let mut writer = arrow::json::LineDelimitedWriter::new(out);
            while let Some(batch) = batches.try_next().await.context(failed)? {
                writer.write(&batch)?;
            }
            writer.finish()?;
        }
        Format::Csv => {
            let mut writer = arrow::csv::Writer::new(out);
            writer.write(&RecordBatch::new_empty(schema)).context("nested columns need --format json")?;
            while let Some(batch) = batches.try_next().await.context(failed)? {
                writer.write(&batch)?;
            }
        }
        Format::Parquet => {
            // The writer wants to own a sender of bytes.
            let mut bytes = Vec::new();
            let mut writer = ArrowWriter::try_new(&mut bytes, schema, None)?;
            while let Some(batch) = batches.try_next().await.context(failed)? {
                writer.write(&batch)?;
            }
            writer.close()?;
            out.write_all(&bytes)?;
        }
    }
    Ok(())
}
