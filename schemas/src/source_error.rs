//! An error in a file that a person wrote: which file, which line, what to do.

use std::fmt;
use std::ops::Range;

/// A mistake in a text file, shown as `file:line:column: message` with the line and a caret below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceError {
    /// The file, as the user knows it.
    pub file: String,
    /// Counted from 1.
    pub line: usize,
    /// Counted from 1, in characters.
    pub column: usize,
    /// What is wrong: lower case, no full stop.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    excerpt: String,
}

impl SourceError {
    /// An error at the byte range `span` of `text`.
    #[must_use]
    pub fn at(file: &str, text: &str, span: Range<usize>, message: impl Into<String>) -> Self {
        let start = text.floor_char_boundary(span.start.min(text.len()));
        let line_start = text[..start].rfind('\n').map_or(0, |newline| newline + 1);
        Self {
            file: file.to_owned(),
            line: text[..start].matches('\n').count() + 1,
            column: text[line_start..start].chars().count() + 1,
            message: message.into(),
            help: None,
            excerpt: text[line_start..].lines().next().unwrap_or_default().to_owned(),
        }
    }

    /// An error of a TOML text that begins `offset` bytes into `text`.
    #[must_use]
    pub fn from_toml(file: &str, text: &str, offset: usize, error: &toml::de::Error) -> Self {
        let span = error.span().unwrap_or(0..0);
        // Messages of the parser may run over several lines; the first says it.
        let message = in_words(error.message().lines().next().unwrap_or("invalid TOML"));
        let key = meant_key(&message).map(str::to_owned);
        Self::at(file, text, span.start + offset..span.end + offset, message).with_meant(key.as_deref())
    }

    /// Adds what to do.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds the name that was probably meant, if there is one; see [`nearest`].
    #[must_use]
    pub fn with_meant(self, name: Option<&str>) -> Self {
        match name {
            Some(name) => self.with_help(format!("did you mean `{name}`?")),
            None => self,
        }
    }
}

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.file, self.line, self.column, self.message)?;
        if !self.excerpt.trim().is_empty() {
            let excerpt = self.excerpt.replace('\t', " ");
            write!(f, "\n  | {excerpt}\n  | {:>width$}", "^", width = self.column)?;
        }
        if let Some(help) = &self.help {
            write!(f, "\n  = help: {help}")?;
        }
        Ok(())
    }
}

impl std::error::Error for SourceError {}

/// The parser's message with the file's words for our types.
fn in_words(message: &str) -> String {
    let Some((before, expected)) = message.rsplit_once(", expected ") else { return message.to_owned() };
    let words = match expected.trim_start_matches("a nonzero ") {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number, not negative",
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number",
        "f32" | "f64" => "a number",
        "a boolean" => "true or false",
        "a sequence" => "a list",
        "a map" => "a table",
        expected => expected,
    };
    format!("{before}, expected {words}")
}

/// Which key was meant, where the parser lists the known ones.
fn meant_key(message: &str) -> Option<&str> {
    let listed = message.strip_prefix("unknown field `").or_else(|| message.strip_prefix("unknown variant `"))?;
    let (unknown, listed) = listed.split_once('`')?;
    nearest(unknown, listed.split('`').skip(1).step_by(2))
}

/// The candidate nearest to `name`, when one is near enough to have been meant.
#[must_use]
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= (candidate.len().max(name.len()) / 3).max(1))
        .min()
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_points_at_its_line() {
        let text = "a = 1\nbück = 2\n";
        let error = SourceError::at("x.toml", text, 12..13, "unknown key").with_help("did you mean `back`?");
        assert_eq!(
            error.to_string(),
            "x.toml:2:6: unknown key\n  | bück = 2\n  |      ^\n  = help: did you mean `back`?"
        );
    }

    #[test]
    fn what_the_parser_says_is_told_in_the_words_of_the_file() {
        #[derive(Debug, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Table {
            #[serde(rename = "days")]
            _days: u32,
        }
        let told = |text: &str| {
            let error = toml::from_str::<Table>(text).unwrap_err();
            let error = SourceError::from_toml("x.toml", text, 0, &error);
            (error.message, error.help)
        };
        assert_eq!(told("days = '3'").0, "invalid type: string \"3\", expected a whole number, not negative");
        assert_eq!(told("dasy = 3").1.as_deref(), Some("did you mean `days`?"));
    }

    #[test]
    fn a_far_name_is_no_suggestion() {
        assert_eq!(nearest("encryptd", ["encrypted", "state"]), Some("encrypted"));
        assert_eq!(nearest("colour", ["encrypted", "state"]), None);
    }
}
