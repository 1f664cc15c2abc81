//! Names with `*` in them.

/// Whether `text` is what `pattern` says; `*` stands for any text.
#[must_use]
pub fn fits(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((before, rest)) => text.strip_prefix(before).is_some_and(|left| {
            left.char_indices().map(|(at, _)| at).chain([left.len()]).any(|at| fits(rest, &left[at..]))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_text() {
        assert!(
            fits("aws-s3-*", "aws-s3-bucket-logging") && fits("*", "x") && fits("a*c*e", "abcde") && fits("ab", "ab")
        );
        assert!(!fits("aws-s3-*", "aws-sns-topic") && !fits("a*c", "abcd") && !fits("", "x"));
    }
}
