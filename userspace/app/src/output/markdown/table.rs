//! Tables of GitHub-flavoured Markdown.

/// A column.
pub(super) enum Column {
    /// Text, flush left.
    Text(&'static str),
    /// A number, flush right.
    Number(&'static str),
}

/// Writes a table; the cells are Markdown without bars and line ends, which [`super::escape`] sees to.
pub(super) fn write<const N: usize>(
    out: &mut String,
    columns: &[Column; N],
    rows: impl IntoIterator<Item = [String; N]>,
) {
    let heads = columns.iter().map(|column| match column {
        Column::Text(head) | Column::Number(head) => *head,
    });
    let rules = columns.iter().map(|column| match column {
        Column::Text(_) => "---",
        Column::Number(_) => "--:",
    });
    line(out, heads);
    line(out, rules);
    for row in rows {
        line(out, row.iter().map(String::as_str));
    }
}

fn line<'a>(out: &mut String, cells: impl Iterator<Item = &'a str>) {
    out.push('|');
    for cell in cells {
        out.extend([" ", cell, " |"]);
    }
    out.push('\n');
}
