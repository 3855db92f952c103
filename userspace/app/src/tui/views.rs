//! The views, one file each: what a state shows of a scene.

mod compare;
mod diff;
mod findings;
mod health;
mod help;
pub(super) mod ladder;
mod media;
mod message;
mod sessions;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::scene::Scene;
use super::state::{Drawn, State, View};
use super::{text, theme};

/// Draws the present view.
pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, state: &State, scene: &Scene) -> Drawn {
    match state.view {
        View::Sessions => sessions::draw(frame, area, state, scene),
        View::Findings => findings::draw(frame, area, state, scene),
        View::Ladder => ladder::draw(frame, area, state, scene),
        View::Message => message::draw(frame, area, state, scene),
        View::Diff => diff::draw(frame, area, state, scene),
        View::Media => media::draw(frame, area, state, scene),
        View::Health => health::draw(frame, area, state, scene),
        View::Compare => compare::draw(frame, area, state, scene),
        View::Help => help::draw(frame, area, state),
    }
}

/// What copying takes from the present view, as plain text.
pub(super) fn copied(state: &State, scene: &Scene) -> String {
    match state.view {
        View::Sessions => sessions::copied(state, scene),
        View::Findings => findings::copied(state, scene),
        View::Ladder | View::Message => message::copied(state, scene),
        View::Diff => diff::copied(state, scene),
        View::Media | View::Health | View::Compare | View::Help => String::new(),
    }
}

/// Lines that are scrolled as a whole.
fn scrolled(frame: &mut Frame<'_>, area: Rect, lines: Vec<Line<'static>>, scroll: usize) -> Drawn {
    let page = usize::from(area.height);
    let len = lines.len();
    let scroll = scroll.min(len.saturating_sub(page));
    let shown: Vec<Line<'static>> = lines.into_iter().skip(scroll).take(page).collect();
    frame.render_widget(Paragraph::new(shown), area);
    if len > page {
        let more = if scroll + page < len {
            "more below"
        } else {
            "end"
        };
        let label = format!(
            " {}–{} of {len}, {more} ",
            scroll + 1,
            (scroll + page).min(len)
        );
        right_label(frame, area, &label);
    }
    Drawn {
        page,
        len,
        ..Drawn::default()
    }
}

/// A label at the right end of an area's last line.
fn right_label(frame: &mut Frame<'_>, area: Rect, label: &str) {
    let width = (text::width(label) as u16).min(area.width);
    let place = Rect {
        x: area.right() - width,
        y: area.bottom().saturating_sub(1),
        width,
        height: 1,
    };
    frame.render_widget(
        Paragraph::new(Span::styled(label.to_owned(), theme::faint())),
        place,
    );
}

/// A line that says why a view is empty.
fn nothing(frame: &mut Frame<'_>, area: Rect, says: &str) -> Drawn {
    let lines = text::wrap(says, usize::from(area.width).saturating_sub(2));
    let lines = lines.into_iter().map(|line| Line::from(format!(" {line}")));
    frame.render_widget(Paragraph::new(lines.collect::<Vec<_>>()), area);
    Drawn::default()
}

/// What to say where no session is chosen.
fn without_session(frame: &mut Frame<'_>, area: Rect, state: &State, scene: &Scene) -> Drawn {
    let says = if !state.filter.is_empty() && !scene.rows.is_empty() {
        "No session matches the filter."
    } else if scene.source == super::scene::Source::Live {
        "No RTSP session yet. Start the player while this runs."
    } else {
        "No RTSP session in these captures. Capture while the player starts, with all of TCP and UDP."
    };
    nothing(frame, area, says)
}

/// A rule with a title in it.
fn rule(title: &str, columns: usize) -> Line<'static> {
    let title = text::cut(title, columns.saturating_sub(4));
    let used = text::width(&title) + 3;
    let rest: String = std::iter::repeat_n('─', columns.saturating_sub(used)).collect();
    Line::from(vec![
        Span::styled("─ ", theme::faint()),
        Span::styled(title, theme::strong()),
        Span::styled(format!(" {rest}"), theme::faint()),
    ])
}

/// The first row to show so that the chosen one is on the page.
fn first_row(at: usize, len: usize, page: usize) -> usize {
    // The chosen row keeps some rows above and below it in sight.
    let margin = (page / 4).min(3);
    let first = (at + margin + 1).saturating_sub(page);
    first.min(len.saturating_sub(page))
}

/// A label before wrapped text: ` label  text…`, with the following lines under the text.
fn labelled(
    label: &str,
    indent: usize,
    said: &str,
    columns: usize,
    style: ratatui::style::Style,
) -> Vec<Line<'static>> {
    let room = columns.saturating_sub(indent).max(8);
    let wrapped = text::wrap(said, room);
    let lines = wrapped.into_iter().enumerate().map(|(number, part)| {
        let head = if number == 0 {
            text::left(label, indent)
        } else {
            " ".repeat(indent)
        };
        Line::from(vec![
            Span::styled(head, theme::faint()),
            Span::styled(part, style),
        ])
    });
    lines.collect()
}
