//! The list of sessions, and below it what was found of the chosen one.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::super::columns::{self, Column};
use super::super::scene::{Scene, SessionRow};
use super::super::state::{Drawn, Prompt, State};
use super::super::{text, theme};
use super::{findings, first_row, rule, without_session};

/// Signs of a sparkline from nothing to most.
const SPARKS: [&str; 8] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, state: &State, scene: &Scene) -> Drawn {
    if let Some(Prompt::Columns { at }) = state.prompt {
        return choice_of_columns(frame, area, state, at);
    }
    let visible = scene.visible(state);
    let total = usize::from(area.height);
    // The list takes what it needs, and leaves at least half to the findings while it can scroll.
    let wanted = (visible.len() + 1).max(2);
    let listed = wanted.min((total / 2).max(2)) as u16;
    let [list, below] =
        Layout::vertical([Constraint::Length(listed), Constraint::Min(1)]).areas(area);
    let drawn = draw_list(frame, list, state, scene, &visible);
    draw_below(frame, below, state, scene);
    drawn
}

fn draw_list(
    frame: &mut Frame<'_>,
    area: Rect,
    state: &State,
    scene: &Scene,
    visible: &[usize],
) -> Drawn {
    let page = usize::from(area.height).saturating_sub(1);
    let first = first_row(state.list.at, visible.len(), page);
    let shown: Vec<&SessionRow> = visible
        .iter()
        .skip(first)
        .take(page)
        .filter_map(|index| scene.rows.get(*index))
        .collect();
    let room = usize::from(area.width).saturating_sub(3);
    let columns = columns::fitting(&state.columns, room, &shown);
    let mut lines = vec![head(state, &columns)];
    let mut rows = Vec::new();
    for (offset, row) in shown.iter().enumerate() {
        let at = first + offset;
        rows.push((area.y + 1 + offset as u16, at));
        lines.push(line(
            state,
            row,
            &columns,
            at == state.list.at && state.session == Some(row.id),
        ));
    }
    frame.render_widget(Paragraph::new(lines), area);
    Drawn {
        page,
        len: visible.len(),
        rows,
        tabs: Vec::new(),
    }
}

fn head(state: &State, columns: &[(Column, usize)]) -> Line<'static> {
    let mut spans = vec![Span::raw("   ")];
    for (column, width) in columns {
        let arrow = match (*column == state.sort, state.descending) {
            (true, false) => "▲",
            (true, true) => "▼",
            (false, _) => "",
        };
        let title = format!("{}{arrow}", column.title());
        let title = if column.is_number() {
            text::right(&title, *width)
        } else {
            text::left(&title, *width)
        };
        let style = if *column == state.sort {
            theme::strong()
        } else {
            theme::faint()
        };
        spans.push(Span::styled(title, style));
        spans.push(Span::raw(" "));
    }
    Line::from(spans)
}

fn line(
    state: &State,
    row: &SessionRow,
    columns: &[(Column, usize)],
    is_chosen: bool,
) -> Line<'static> {
    let (mark, color) = match row.worst {
        None if !row.shows_media => ("!", theme::doubtful()),
        worst => theme::mark(worst),
    };
    let marked = if state.marked.contains(&row.id) {
        "●"
    } else {
        " "
    };
    let mut spans = vec![
        Span::styled(marked, theme::changed()),
        Span::styled(mark, color),
        Span::raw(" "),
    ];
    for (column, width) in columns {
        let value = column.value(row);
        let shown = if *column == Column::Spark {
            spark(&row.spark, *width)
        } else if column.is_number() {
            text::right(&value, *width)
        } else {
            text::left(&value, *width)
        };
        spans.push(Span::styled(shown, style_of(*column, row)));
        spans.push(Span::raw(" "));
    }
    let line = Line::from(spans);
    if is_chosen {
        line.style(theme::selected())
    } else {
        line
    }
}

fn style_of(column: Column, row: &SessionRow) -> Style {
    let is_missing = |own: Option<u64>, other: Option<u64>| {
        own == Some(0) && other.is_some_and(|other| other > 0)
    };
    let [lan, wan] = row.packets;
    let is_bad = match column {
        Column::LanPackets | Column::LanRate => is_missing(lan, wan),
        Column::WanPackets | Column::WanRate => is_missing(wan, lan),
        Column::Worst => return theme::mark(row.worst).1,
        Column::Spark => return theme::good(),
        Column::Start
        | Column::Client
        | Column::Camera
        | Column::Via
        | Column::State
        | Column::Alg
        | Column::Url => false,
    };
    if is_bad { theme::bad() } else { Style::new() }
}

/// Rates over time in so many columns.
pub(super) fn spark(rates: &[u64], columns: usize) -> String {
    let most = rates.iter().copied().max().unwrap_or(0);
    if most == 0 || columns == 0 {
        return " ".repeat(columns);
    }
    let columns_used = columns.min(rates.len());
    let cells = (0..columns_used).map(|column| {
        let from = column * rates.len() / columns_used;
        let until = ((column + 1) * rates.len() / columns_used).max(from + 1);
        let part = rates.get(from..until).unwrap_or_default();
        let mean = part.iter().sum::<u64>() / part.len().max(1) as u64;
        let step = (mean.saturating_mul(7) + most / 2) / most;
        SPARKS.get(step as usize).copied().unwrap_or("█")
    });
    text::left(&cells.collect::<String>(), columns)
}

fn draw_below(frame: &mut Frame<'_>, area: Rect, state: &State, scene: &Scene) {
    let columns = usize::from(area.width);
    let Some(session) = scene.session(state) else {
        without_session(frame, area, state, scene);
        return;
    };
    let row = scene.row_by_id(session.id);
    let title = row.map_or_else(String::new, |row| {
        let url = if row.url.is_empty() {
            "unnamed session"
        } else {
            &row.url
        };
        let rest = format!("  {}  ALG {}", row.via, row.alg);
        let room = columns.saturating_sub(text::width(&rest) + 4);
        format!("{}{rest}", text::middle(url, room))
    });
    let mut lines = vec![rule(&title, columns)];
    if let Some(told) = scene.snapshot.assignment_told(session) {
        let told = format!("router's setup: {}", scene.text(&told));
        lines.push(Line::from(text::left(&told, columns)));
    }
    let rows = usize::from(area.height).saturating_sub(lines.len());
    lines.extend(findings::summary(scene, state, columns, rows));
    frame.render_widget(Paragraph::new(lines), area);
}

fn choice_of_columns(frame: &mut Frame<'_>, area: Rect, state: &State, at: usize) -> Drawn {
    let lines = Column::ALL.iter().enumerate().map(|(index, column)| {
        let sign = if state.columns.contains(column) {
            "[x]"
        } else {
            "[ ]"
        };
        let line = Line::from(vec![
            Span::raw(format!(" {sign} {} ", text::left(column.title(), 14))),
            Span::styled(column.says(), theme::faint()),
        ]);
        if index == at {
            line.style(theme::selected())
        } else {
            line
        }
    });
    let page = usize::from(area.height);
    let first = first_row(at, Column::ALL.len(), page);
    let lines: Vec<Line<'_>> = lines.skip(first).take(page).collect();
    frame.render_widget(Paragraph::new(lines), area);
    Drawn::default()
}

/// The chosen session's URL.
pub(super) fn copied(state: &State, scene: &Scene) -> String {
    let row = state.session.and_then(|id| scene.row_by_id(id));
    row.map_or_else(String::new, |row| row.url.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sparkline_is_as_high_as_its_rates() {
        assert_eq!(spark(&[0, 50, 100], 3), "▁▅█");
        assert_eq!(spark(&[0, 0], 4), "    ");
        assert_eq!(spark(&[7; 100], 4), "████");
    }
}
