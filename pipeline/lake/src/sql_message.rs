//! The engine's errors in words for whoever wrote the statement.
//!
//! Knows the messages of DataFusion's planner; a message that it does not know is passed on as it is.

use datafusion::error::DataFusionError;
use pacbot_schemas::nearest;

/// What is wrong with a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqlMessage {
    /// In a line.
    pub text: String,
    /// The table that was probably meant.
    pub meant: Option<String>,
}

impl SqlMessage {
    /// Of the error that planning or running a statement gave, where there are the tables `tables`.
    pub fn new<'a>(error: &DataFusionError, tables: impl IntoIterator<Item = &'a str>) -> Self {
        // The engine's error repeats itself at every layer.
        let text = error.find_root().strip_backtrace();
        let text = text.lines().next().unwrap_or_default();
        let text = ["SQL error: ", "Schema error: ", "Error during planning: ", "Arrow error: ", "ParserError(\""]
            .iter()
            .fold(text, |text, layer| text.strip_prefix(layer).unwrap_or(text))
            .trim_end_matches("\")")
            .replace("datafusion.public.", "");
        if let Some(table) = text.strip_prefix("table '").and_then(|rest| rest.strip_suffix("' not found")) {
            let meant = nearest(table, tables).map(str::to_owned);
            return Self { text: format!("there is no table `{table}`"), meant };
        }
        let text = ["DDL not supported: ", "DML not supported: ", "Statement not supported: "]
            .iter()
            .find_map(|refused| text.strip_prefix(refused))
            .map(|what| format!("only statements that read are run, and this one would change something ({what})"))
            .unwrap_or(text);
        Self { text, meant: None }
    }
}

#[cfg(test)]
mod tests {
    use chrono::Utc;

    use super::*;
    use crate::{bare_session, read_only};

    async fn told(sql: &str) -> SqlMessage {
        let ctx = bare_session(1 << 20, Utc::now()).unwrap();
        let error = match read_only(&ctx, sql).await {
            Ok(frame) => frame.collect().await.unwrap_err(),
            Err(error) => error,
        };
        SqlMessage::new(&error, ["aws_s3_bucket", "runs"])
    }

    #[tokio::test]
    async fn messages_are_about_the_statement() {
        let told = [
            told("select 1 from aws_s3_bukket").await,
            told("drop table runs").await,
            told("set datafusion.execution.batch_size = 1").await,
            told("select 1 / 0").await,
            told("selec 1").await,
            told("select nope from (select 1 as one)").await,
        ];
        let lines: Vec<_> =
            told.iter().map(|told| format!("{} [{}]", told.text, told.meant.as_deref().unwrap_or("-"))).collect();
        insta::assert_snapshot!(lines.join("\n"), @r"
        there is no table `aws_s3_bukket` [aws_s3_bucket]
        only statements that read are run, and this one would change something (DropTable) [-]
        only statements that read are run, and this one would change something (SetVariable) [-]
        Divide by zero error [-]
        Expected: an SQL statement, found: selec at Line: 1, Column: 1 [-]
        No field named nope. Did you mean 'one'? [-]
        ");
    }
}
