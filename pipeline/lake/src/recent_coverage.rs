//! The part of `coverage` that counts: what was answered since the last collection of everything, which noted every request
//! of every scope. What is older is history, and grows without end.

use std::sync::Arc;

use arrow::array::RecordBatch;
use chrono::{DateTime, TimeDelta, Utc};
use datafusion::common::ScalarValue;
use datafusion::datasource::MemTable;
use datafusion::error::DataFusionError;
use datafusion::functions::expr_fn::coalesce;
use datafusion::logical_expr::{lit, when};
use datafusion::prelude::{DataFrame, SessionContext, col};
use futures::StreamExt;
use pacbot_schemas::RunId;

use crate::error::LakeError;
use crate::lake::Lake;
use crate::session::{provider, register};
use crate::spool::Spool;

/// The rows of a collection, those that are no whole answer with the time of the last one.
const WITH_LAST_ANSWERS: &str = include_str!("with_last_answers.sql");

impl Lake {
    /// The rows of the table `coverage` of `ctx` that count at `at`; a whole answer is its own last one.
    ///
    /// # Errors
    ///
    /// Whatever planning says, or reading the runs.
    pub(crate) async fn recent_coverage(
        &self,
        ctx: &SessionContext,
        at: DateTime<Utc>,
    ) -> Result<DataFrame, DataFusionError> {
        let time =
            |at: DateTime<Utc>| lit(ScalarValue::TimestampMicrosecond(Some(at.timestamp_micros()), Some("UTC".into())));
        let since = self.collected_since(at).await.map_err(|error| DataFusionError::External(Box::new(error)))?;
        let mut rows = ctx.table("coverage").await?.filter(col("collected_at").lt_eq(time(at)))?;
        if let Some(since) = since {
            rows = rows.filter(col("collected_at").gt_eq(time(since)))?;
        }
        let whole = when(col("status").eq(lit("complete")), col("collected_at")).end()?;
        rows.with_column("answered_at", coalesce(vec![col("answered_at"), whole]))
    }

    /// Makes `rows` the coverage of `run_id`, in one commit. Where a request was not answered whole, `answered_at` is as the
    /// runs before left it; `gaps` are those rows.
    ///
    /// # Errors
    ///
    /// [`LakeError::Table`] when writing fails; nothing is visible then.
    pub async fn write_coverage(
        &self,
        run_id: &RunId,
        rows: Spool,
        gaps: Vec<RecordBatch>,
        at: DateTime<Utc>,
    ) -> Result<u64, LakeError> {
        if gaps.is_empty() {
            return self.replace_run_rows("coverage", run_id, "", rows.into_stream(), at).await;
        }
        let failed = LakeError::query("coverage");
        let schema = self.schema_of("coverage")?;
        let ctx = self.bare(at)?;
        let table = self.table("coverage").await?;
        register(&ctx, "coverage", provider(table.as_ref(), &schema)?)?;
        // Not what the run itself wrote before it was killed.
        let recent = self.recent_coverage(&ctx, at - TimeDelta::microseconds(1)).await.map_err(&failed)?;
        register(&ctx, "recent_coverage", recent.into_view())?;
        let gaps = MemTable::try_new(schema.clone(), vec![gaps]).map_err(&failed)?;
        register(&ctx, "gaps", Arc::new(gaps))?;
        register(&ctx, "collected", rows.into_table()?)?;
        let rows = ctx.sql(WITH_LAST_ANSWERS).await.map_err(&failed)?;
        // In the table's order.
        let columns: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
        let rows = rows.select_columns(&columns).map_err(&failed)?.execute_stream().await.map_err(&failed)?;
        self.replace_run_rows("coverage", run_id, "", rows.map(|batch| batch.map_err(LakeError::query("coverage"))), at)
            .await
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::AsArray;
    use arrow::datatypes::TimestampMicrosecondType;
    use pacbot_schemas::{AssetTypes, RunStatus, Stage};
    use serde_json::json;

    use super::*;
    use crate::run_rows::to_batch;
    use crate::runs::RunRow;
    use crate::settings::LakeSettings;

    fn at(day: u32) -> DateTime<Utc> {
        format!("2026-01-{day:02}T06:00:00Z").parse().unwrap()
    }

    /// A collection of everything, in which `regions` were answered with these statuses.
    async fn collected(lake: &Lake, day: u32, regions: &[(&str, &str)]) {
        let run_id = RunId::new(format!("day-{day}")).unwrap();
        let schema = lake.schema_of("coverage").unwrap();
        let (mut rows, mut gaps) = (Spool::new("coverage", &schema).unwrap(), Vec::new());
        for (region, status) in regions {
            let row = json!({
                "run_id": run_id, "collected_at": at(day), "account_id": "1", "region": region, "asset_type": "aws_vpc",
                "request": "list", "status": status, "answered_at": (*status == "complete").then_some(at(day)),
            });
            let batch = to_batch("coverage", schema.clone(), &[row]).unwrap();
            rows.push(&batch).unwrap();
            gaps.extend((*status != "complete").then_some(batch));
        }
        let written = lake.write_coverage(&run_id, rows, gaps, at(day)).await.unwrap();
        let row = RunRow {
            run_id,
            stage: Stage::Collect,
            status: RunStatus::Complete,
            run_at: at(day),
            started_at: at(day),
            finished_at: Some(at(day)),
            snapshot: crate::snapshot_of(&[("coverage".to_owned(), written)].into()),
            scopes: 0,
            problems: 0,
            rows: 0,
            assets: None,
            open_issues: None,
            selection: None,
            host: "here".to_owned(),
            process: 1,
            pacbot_version: "0".to_owned(),
        };
        lake.save_run(&row).await.unwrap();
    }

    #[tokio::test]
    async fn what_is_not_answered_knows_when_it_was_and_what_is_older_does_not_count() {
        let folder = tempfile::tempdir().unwrap();
        let settings = LakeSettings { location: folder.path().display().to_string(), ..LakeSettings::default() };
        let types = AssetTypes::parse(Vec::<(&str, &str)>::new()).unwrap();
        let lake = Lake::open(settings, Arc::new(types)).await.unwrap();
        collected(&lake, 1, &[("east", "complete"), ("west", "complete"), ("gone", "complete")]).await;
        collected(&lake, 2, &[("east", "denied"), ("west", "complete"), ("new", "denied")]).await;
        collected(&lake, 3, &[("east", "failed"), ("west", "complete"), ("new", "denied")]).await;
        // Again, as after a kill: its own rows are not from before.
        collected(&lake, 3, &[("east", "denied"), ("west", "complete"), ("new", "denied")]).await;
        let (ctx, _) = lake.own_session(&["coverage"], at(4)).await.unwrap();
        let recent = lake.recent_coverage(&ctx, at(4)).await.unwrap();
        let recent = recent.select_columns(&["region", "collected_at", "answered_at"]).unwrap();
        let batches = recent.sort(vec![col("region").sort(true, false)]).unwrap().collect().await.unwrap();
        let mut told = Vec::new();
        for batch in &batches {
            let time = |place: usize, row: usize| {
                let times = batch.column(place).as_primitive::<TimestampMicrosecondType>();
                arrow::array::Array::is_valid(times, row).then(|| times.value(row))
            };
            let region = batch.column(0).as_string::<i32>();
            told.extend((0..batch.num_rows()).map(|row| (region.value(row).to_owned(), time(1, row), time(2, row))));
        }
        let day = |day: u32| Some(at(day).timestamp_micros());
        let expected = [("east", day(3), day(1)), ("new", day(3), None), ("west", day(3), day(3))];
        assert_eq!(told, expected.map(|(region, collected, answered)| (region.to_owned(), collected, answered)));
    }
}
