//! The screen: a head with what is being watched, the tabs, one view, and a line of keys or of news at the bottom.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::scene::{Scene, Source};
use super::state::{Drawn, Prompt, State, View};
use super::theme::{self, Theme};
use super::{keys, text, views};
use crate::output::privacy::own;
use crate::story::rates::whole;
use crate::story::tap_title;

/// Draws everything and tells what came where.
pub(super) fn screen(frame: &mut Frame<'_>, state: &State, scene: &Scene, theme: Theme) -> Drawn {
    let [head, tabs, body, foot] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(1),
        Constraint::Min(3),
        Constraint::Length(1),
    ])
    .areas(frame.area());
    frame.render_widget(Paragraph::new(heading(state, scene, head.width)), head);
    let places = draw_tabs(frame, tabs, state);
    let mut drawn = views::draw(frame, body, state, scene);
    drawn.tabs = places;
    draw_foot(frame, foot, state);
    theme.fit(frame.buffer_mut());
    drawn
}

fn heading(state: &State, scene: &Scene, columns: u16) -> Line<'static> {
    let mode = match (scene.source, state.paused) {
        (_, true) => "HELD",
        (Source::Live, _) => "live",
        (Source::Reading, _) => "reading",
        (Source::Replaying, _) => "replay",
        (Source::Saved, _) => "saved",
    };
    let mut spans = vec![
        Span::styled("rtspscope ", theme::strong()),
        Span::styled(mode, theme::remark()),
    ];
    let lost: u64 = scene.snapshot.losses.iter().map(|(_, count)| count).sum();
    let mut tail = Vec::new();
    if lost > 0 {
        tail.push(Span::styled(
            format!("  ! {} lost", text::count(lost)),
            theme::doubtful(),
        ));
    }
    let used: usize = spans.iter().chain(&tail).map(Span::width).sum();
    let room = usize::from(columns).saturating_sub(used + 2);
    let each = room.checked_div(scene.snapshot.taps.len()).unwrap_or(0);
    let taps = scene.snapshot.taps.iter().zip(&scene.paces);
    let taps: Vec<String> = taps
        .map(|(tap, pace)| {
            let pace = pace.filter(|_| scene.source == Source::Live);
            let count = pace.map_or_else(
                || format!(" {} frames", text::count(tap.frames)),
                |pace| format!(" {}/s", text::count(whole(pace))),
            );
            let (title, name) = (tap_title(tap), own(&tap.name));
            let left = each.saturating_sub(text::width(&title) + text::width(&count) + 3);
            let name = if name == title || left < 6 {
                String::new()
            } else {
                format!(" {}", text::middle(&name, left))
            };
            format!("{title}{name}{count}")
        })
        .collect();
    spans.push(Span::styled(
        format!("  {}", text::cut(&taps.join("  "), room)),
        theme::faint(),
    ));
    spans.extend(tail);
    Line::from(spans)
}

fn draw_tabs(
    frame: &mut Frame<'_>,
    area: Rect,
    state: &State,
) -> Vec<(u16, std::ops::Range<u16>, View)> {
    let columns = usize::from(area.width);
    let full: usize = View::TABS.iter().map(|view| view.title().len() + 4).sum();
    let per_tab = columns / View::TABS.len();
    let mut spans = Vec::new();
    let mut places = Vec::new();
    let mut at = area.x;
    for (number, view) in (1..).zip(View::TABS) {
        let title = if full <= columns || view == state.view {
            view.title().to_owned()
        } else {
            text::cut(view.title(), per_tab.saturating_sub(4).max(1))
                .trim_end_matches('…')
                .to_owned()
        };
        let label = format!(" {number} {title} ");
        let style = if view == state.view {
            theme::selected().patch(theme::strong())
        } else {
            theme::faint()
        };
        let width = text::width(&label) as u16;
        places.push((area.y, at..at + width, view));
        at += width;
        spans.push(Span::styled(label, style));
    }
    frame.render_widget(Paragraph::new(Line::from(spans)), area);
    if !View::TABS.contains(&state.view) {
        let label = format!(" {} ", state.view.title());
        let width = text::width(&label) as u16;
        let end = Rect {
            x: area.right().saturating_sub(width),
            width: width.min(area.width),
            ..area
        };
        frame.render_widget(Paragraph::new(Span::styled(label, theme::selected())), end);
    }
    places
}

fn draw_foot(frame: &mut Frame<'_>, area: Rect, state: &State) {
    let line = match (&state.prompt, &state.note) {
        (Some(Prompt::Filter { .. }), _) => Line::from(vec![
            Span::styled("filter: ", theme::key()),
            Span::raw(own(&state.filter)),
            Span::styled(" ", theme::selected()),
            Span::styled(
                "  code: ip: state: via: alg: !not  Enter Esc",
                theme::faint(),
            ),
        ]),
        (Some(Prompt::Save { format, path }), _) => Line::from(vec![
            Span::styled(
                format!("save as {} (Tab) to: ", format.name()),
                theme::key(),
            ),
            Span::raw(own(path)),
            Span::styled(" ", theme::selected()),
            Span::styled("  Enter Esc", theme::faint()),
        ]),
        (Some(Prompt::Columns { .. }), _) => Line::from(Span::styled(
            "Space shows or hides, Enter is done",
            theme::key(),
        )),
        (None, Some(note)) => {
            let (sign, style) = if note.is_bad {
                ("✗ ", theme::bad())
            } else {
                ("", theme::remark())
            };
            Line::styled(
                format!(
                    "{sign}{}",
                    text::cut(&note.text, usize::from(area.width).saturating_sub(2))
                ),
                style,
            )
        }
        (None, None) => hints(state, usize::from(area.width)),
    };
    frame.render_widget(Paragraph::new(line), area);
}

/// Keys of the view as far as they fit; help and leaving always do.
fn hints(state: &State, columns: usize) -> Line<'static> {
    let last = if state.view == View::Sessions {
        "quit"
    } else {
        "back"
    };
    let fixed = [("?".to_owned(), "keys"), ("q".to_owned(), last)];
    let len = |(key, says): &(String, &str)| text::width(key) + text::width(says) + 3;
    let mut left = columns.saturating_sub(fixed.iter().map(len).sum());
    let mut shown = Vec::new();
    for hint in keys::hints(state.view) {
        if len(&hint) > left {
            break;
        }
        left -= len(&hint);
        shown.push(hint);
    }
    let spans = shown.into_iter().chain(fixed).flat_map(|(key, says)| {
        [
            Span::styled(key, theme::key()),
            Span::raw(format!(" {says}  ")),
        ]
    });
    Line::from(spans.collect::<Vec<_>>())
}
