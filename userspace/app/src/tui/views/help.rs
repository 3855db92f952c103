//! The keys, from their table, and the terms of the filter.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::super::state::{Drawn, State};
use super::super::{filter, keys, text, theme};
use super::{rule, scrolled};

/// Columns of the names of keys.
const KEYS: usize = 14;

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, state: &State) -> Drawn {
    let columns = usize::from(area.width);
    let mut lines = Vec::new();
    for (title, bindings) in keys::sections() {
        lines.push(rule(title, columns));
        for binding in bindings {
            lines.extend(entry(&binding.key_names(), binding.says, columns));
        }
    }
    lines.push(rule("In the filter", columns));
    for (term, says) in filter::TERMS {
        lines.extend(entry(term, says, columns));
    }
    scrolled(frame, area, lines, state.scroll)
}

fn entry(keys: &str, says: &str, columns: usize) -> Vec<Line<'static>> {
    let width = KEYS.max(text::width(keys) + 1);
    let wrapped = text::wrap(says, columns.saturating_sub(width + 1).max(10));
    let lines = wrapped.into_iter().enumerate().map(|(number, part)| {
        let shown = if number == 0 {
            text::left(keys, width)
        } else {
            " ".repeat(width)
        };
        Line::from(vec![
            Span::styled(format!(" {shown}"), theme::key()),
            Span::styled(part, Style::new()),
        ])
    });
    lines.collect()
}
