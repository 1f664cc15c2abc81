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
        let message = error.message().lines().next().unwrap_or("invalid TOML").to_owned();
        Self::at(file, text, span.start + offset..span.end + offset, message)
    }

    /// Adds what to do.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
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
    fn a_far_name_is_no_suggestion() {
        assert_eq!(nearest("encryptd", ["encrypted", "state"]), Some("encrypted"));
        assert_eq!(nearest("colour", ["encrypted", "state"]), None);
    }
}
