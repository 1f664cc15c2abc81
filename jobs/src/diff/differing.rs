//! Which issues differ from what was found.
//!
//! Promises: nobody reads an id where nothing is to be compared, and of those that are, no more are in memory at a time than
//! a query may keep. What differs is kept, by its ids; knows nothing of events.

use arrow::array::RecordBatch;
use datafusion::common::ScalarValue;
use datafusion::datasource::MemTable;
use datafusion::error::DataFusionError;
use datafusion::execution::context::SessionContext;
use tracing::debug;

use super::{held_at_once, number};

/// An id in a hash table, and as much again for what is on its way there.
const BYTES_OF_AN_ID: u64 = 256;

/// No id is so large: they are written in hexadecimal digits.
const LAST: &str = "g";

/// At most as many violations are compared.
const VIOLATIONS: &str = "select coalesce(sum(violations), 0) from judged where settled_to < newest";

/// And as many issues.
const ISSUES: &str = "select coalesce(sum(issues), 0) from policies where compared is not null";

/// Whether these are far fewer: of some policies, a few accounts are compared.
const SOME: &str = "select count(*) from policies where compared = 'some'";

/// How many they are, which takes a look at each.
const COUNTED: [&str; 2] = ["select count(*) from found", "select count(*) from compared"];

/// Compares `found` with `compared`: one row of `differing.sql` for each issue that may change; none if there are none.
///
/// # Errors
///
/// Whatever a query says.
pub(super) async fn differing(ctx: &SessionContext) -> Result<Option<MemTable>, DataFusionError> {
    let most = held_at_once(ctx, BYTES_OF_AN_ID);
    let mut ids = number(ctx, VIOLATIONS).await?.max(number(ctx, ISSUES).await?).unsigned_abs();
    if ids == 0 {
        return Ok(None);
    }
    if ids > most && number(ctx, SOME).await? > 0 {
        ids = number(ctx, COUNTED[0]).await?.max(number(ctx, COUNTED[1]).await?).unsigned_abs();
    }
    let mut rows: Vec<RecordBatch> = Vec::new();
    for (first, end) in slices(ids.div_ceil(most)) {
        debug!(ids, first, end, "comparing ids");
        let text = |text: String| ScalarValue::Utf8(Some(text));
        let slice = ctx.sql(include_str!("differing.sql")).await?;
        rows.extend(slice.with_param_values(vec![("first", text(first)), ("end", text(end))])?.collect().await?);
    }
    rows.retain(|batch| batch.num_rows() > 0);
    rows.first().map(RecordBatch::schema).map(|schema| MemTable::try_new(schema, vec![rows])).transpose()
}

/// From where and up to where ids are in each of `count` slices. Ids are hashes, so each slice has about as many.
pub(super) fn slices(count: u64) -> impl Iterator<Item = (String, String)> {
    let count = count.clamp(1, 1 << 16);
    let bound = move |place: u64| match place {
        0 => String::new(),
        _ if place == count => LAST.to_owned(),
        _ => format!("{:04x}", (place << 16) / count),
    };
    (0..count).map(move |place| (bound(place), bound(place + 1)))
}

#[cfg(test)]
mod tests {
    use arrow::array::AsArray;
    use pacbot_lake::bare_session;

    use super::*;

    /// Issues that are open, those of them that are seen, and a few that are new.
    const TABLES: [(&str, &str); 4] = [
        ("policies", "select %COUNT% as issues, 'all' as compared"),
        ("judged", "select %COUNT% as violations, -1 as settled_to, 0 as newest"),
        (
            "compared",
            "select md5(cast(value as varchar)) as issue_id, '1' as account_id, 'open' as state, 1 as occurrence from generate_series(1, %COUNT%)",
        ),
        (
            "found",
            "select md5(cast(value as varchar)) as issue_id, value % 2 = 0 as is_one_each from generate_series(4, %COUNT% + 2)",
        ),
    ];

    async fn differ(count: usize, memory: usize) -> Vec<String> {
        let ctx = bare_session(memory, chrono::Utc::now()).unwrap();
        for (name, sql) in TABLES {
            let table = ctx.sql(&sql.replace("%COUNT%", &count.to_string())).await.unwrap();
            ctx.register_table(name, table.into_view()).unwrap();
        }
        let Some(table) = differing(&ctx).await.unwrap() else { return Vec::new() };
        ctx.register_table("differing", std::sync::Arc::new(table)).unwrap();
        let rows = ctx.sql("select arrow_cast(is_seen || ' ' || issue_id, 'Utf8') from differing").await.unwrap();
        let rows = rows.collect().await.unwrap();
        let texts = rows.iter().flat_map(|batch| batch.column(0).as_string::<i32>().iter().flatten());
        let mut texts: Vec<String> = texts.map(str::to_owned).collect();
        texts.sort();
        texts
    }

    #[tokio::test]
    async fn more_ids_than_fit_in_memory_are_compared_in_slices() {
        let few = differ(1_000, 1 << 30).await;
        assert_eq!(few.len(), 5, "{few:?}");
        let many = differ(40_000, 2 << 20).await;
        assert_eq!((many.len(), &many[..3]), (5, &few[..3]), "three are not seen, two are new");
    }

    #[tokio::test]
    async fn nothing_to_compare_is_nothing_that_differs() {
        assert_eq!(differ(0, 1 << 20).await, [] as [&str; 0]);
    }

    #[test]
    fn every_id_is_in_one_slice() {
        for count in [0, 1, 3, 7, 65_536, 1 << 40] {
            let bounds: Vec<(String, String)> = slices(count).collect();
            assert_eq!((bounds[0].0.as_str(), bounds[bounds.len() - 1].1.as_str()), ("", LAST));
            assert!(bounds.iter().all(|(first, end)| first < end), "{count}");
            assert!(bounds.windows(2).all(|pair| pair[0].1 == pair[1].0), "{count}");
        }
    }
}
