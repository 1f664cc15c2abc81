//! The prompt of `pacbot sql`: a line editor with history, and completion of tables, columns and keywords.

use std::collections::BTreeSet;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;

use anyhow::Context;
use datafusion::prelude::SessionContext;
use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::FileHistory;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{CompletionType, Editor, Helper};

use crate::commands::sql::{answer, schemas};
use crate::output::Format;

const KEYWORDS: &[&str] = &[
    "select",
    "from",
    "where",
    "group by",
    "order by",
    "having",
    "limit",
    "join",
    "left join",
    "on",
    "with",
    "as",
    "and",
    "or",
    "not",
    "null",
    "is null",
    "count",
    "distinct",
    "case",
    "when",
    "then",
    "else",
    "end",
    "union all",
    "unnest",
    "describe",
    "show tables",
];

/// Asks until the input ends. A statement that fails says why and the prompt goes on; statements from a file or pipe
/// end at the first that fails.
pub(crate) async fn run(ctx: &SessionContext, format: Format, out: &mut impl Write) -> anyhow::Result<()> {
    let is_watched = std::io::stdin().is_terminal();
    let mut editor: Editor<Words, FileHistory> =
        Editor::with_config(rustyline::Config::builder().completion_type(CompletionType::List).build())
            .context("failed to open the prompt")?;
    editor.set_helper(Some(Words::of(ctx).await));
    let history = history_file().filter(|_| is_watched);
    if let Some(file) = history.as_ref().filter(|file| file.exists()) {
        editor.load_history(file).with_context(|| format!("failed to read `{}`", file.display()))?;
    }
    if is_watched {
        writeln!(out, "Tables: `show tables`. A statement ends with `;`. Leave with Ctrl-D.")?;
    }
    loop {
        let statement = match editor.readline("pacbot> ") {
            Ok(statement) => statement,
            Err(ReadlineError::Interrupted) => continue,
            Err(ReadlineError::Eof) => break,
            Err(error) => return Err(error).context("the prompt failed"),
        };
        let statement = statement.trim().trim_end_matches(';').trim();
        match statement {
            "" => continue,
            "exit" | "quit" | "\\q" => break,
            _ => {}
        }
        editor.add_history_entry(format!("{statement};"))?;
        match answer(ctx, statement, format, out).await {
            Err(error) if is_watched => writeln!(out, "error: {error:#}")?,
            answered => answered?,
        }
    }
    if let Some(file) = history {
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder).with_context(|| format!("failed to make `{}`", folder.display()))?;
        }
        editor.save_history(&file).with_context(|| format!("failed to write `{}`", file.display()))?;
    }
    Ok(())
}

/// Where the XDG base directories say that state belongs.
fn history_file() -> Option<PathBuf> {
    let state = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from);
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/state"));
    Some(state.or_else(home)?.join("pacbot/history"))
}

/// What can be completed.
struct Words(BTreeSet<String>);

impl Words {
    async fn of(ctx: &SessionContext) -> Self {
        let mut words: BTreeSet<String> = KEYWORDS.iter().map(|&word| word.to_owned()).collect();
        for schema in schemas(ctx) {
            for name in schema.table_names() {
                if let Ok(Some(table)) = schema.table(&name).await {
                    words.extend(table.schema().fields().iter().map(|field| field.name().clone()));
                }
                words.insert(name);
            }
        }
        Self(words)
    }
}

impl Completer for Words {
    type Candidate = String;

    fn complete(
        &self,
        line: &str,
        position: usize,
        _: &rustyline::Context<'_>,
    ) -> rustyline::Result<(usize, Vec<String>)> {
        let before = line.get(..position).unwrap_or_default();
        let start = before.rfind(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).map_or(0, |at| at + 1);
        let word = before.get(start..).unwrap_or_default();
        let found = if word.is_empty() { Vec::new() } else { self.starting_with(word) };
        Ok((start, found))
    }
}

impl Words {
    fn starting_with(&self, word: &str) -> Vec<String> {
        let range = self.0.range(word.to_owned()..);
        range.take_while(|candidate| candidate.starts_with(word)).cloned().collect()
    }
}

impl Validator for Words {
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        let text = context.input().trim();
        let ends = text.is_empty() || text.ends_with(';') || ["exit", "quit", "\\q"].contains(&text);
        Ok(if ends { ValidationResult::Valid(None) } else { ValidationResult::Incomplete })
    }
}

impl Hinter for Words {
    type Hint = String;
}

impl Highlighter for Words {}

impl Helper for Words {}
