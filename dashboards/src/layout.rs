//! Text in columns, as wide as the terminal allows.

/// How a column is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// A number with its noun: `1 account`, `2 policies`.
#[must_use]
pub fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// A column is never narrower than this, even if lines get longer than they should.
const NARROWEST: usize = 12;

/// Lines of cells, two blanks between columns, each line indented by `indent`. Columns are as wide as their widest cell;
/// if that is too much for `width`, the `elastic` columns give way, the widest first, their cells shortened in the middle.
#[must_use]
pub fn columns(rows: &[Vec<String>], aligns: &[Align], indent: usize, elastic: &[usize], width: usize) -> Vec<String> {
    let count = aligns.len();
    let mut widths: Vec<usize> = (0..count)
        .map(|column| rows.iter().filter_map(|row| row.get(column)).map(|cell| length(cell)).max().unwrap_or(0))
        .collect();
    let total = |widths: &[usize]| indent + widths.iter().sum::<usize>() + 2 * count.saturating_sub(1);
    while total(&widths) > width {
        let widest = elastic.iter().copied().max_by_key(|column| widths.get(*column).copied());
        match widest.and_then(|column| widths.get_mut(column)).filter(|width| **width > NARROWEST) {
            Some(width) => *width -= 1,
            None => break,
        }
    }
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).zip(aligns).map(|((cell, width), align)| {
            let cell = shortened(cell, *width);
            let padding = " ".repeat(width.saturating_sub(length(&cell)));
            if *align == Align::Left { format!("{cell}{padding}") } else { format!("{padding}{cell}") }
        });
        let line = cells.collect::<Vec<_>>().join("  ");
        format!("{}{}", " ".repeat(indent), line).trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

fn length(text: &str) -> usize {
    text.chars().count()
}

/// The text with `…` for its middle if it is longer than `width`. The end tells more of an ARN than its beginning.
fn shortened(text: &str, width: usize) -> String {
    let length = length(text);
    if length <= width {
        return text.to_owned();
    }
    let kept = width.saturating_sub(1);
    let head = kept / 3;
    let chars: Vec<char> = text.chars().collect();
    let (start, end) = (&chars[..head], &chars[length - (kept - head)..]);
    start.iter().chain(&['…']).chain(end).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_elastic_column_gives_way() {
        let row = |cells: [&str; 3]| cells.map(str::to_owned).to_vec();
        let rows = [row(["high", "arn:aws:s3:::a-bucket-with-a-long-name", "7"]), row(["low", "b", "12"])];
        let lines = columns(&rows, &[Align::Left, Align::Left, Align::Right], 2, &[1], 40);
        assert_eq!(lines, ["  high  arn:aws:s…t-with-a-long-name   7", "  low   b                             12"]);
        assert!(lines.iter().all(|line| line.chars().count() <= 40));
    }
}
