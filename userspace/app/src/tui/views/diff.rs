//! What the router changed: both copies of a message side by side, the changes marked, and what each of them means.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;
use rtspscope_engine::model::{DiffClass, Exchange, FieldDiff, Message, NatPair, Session};

use super::super::scene::Scene;
use super::super::state::{Drawn, State};
use super::super::{text, theme};
use super::message::wrapped;
use super::{findings, labelled, nothing, rule, scrolled, without_session};
use crate::story::diff::{self, SidesRow};
use crate::story::message::Line as Read;

/// Columns from which both copies stand side by side.
const SIDE_BY_SIDE: usize = 70;

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, state: &State, scene: &Scene) -> Drawn {
    let Some(session) = scene.session(state) else {
        return without_session(frame, area, state, scene);
    };
    let Some(nat) = &session.nat else {
        return nothing(frame, area, why_not(session));
    };
    let Some(change) = nat.rewrites.get(state.change) else {
        return nothing(
            frame,
            area,
            "✓ Every message left the router as it came: no field of any message differs between the taps.",
        );
    };
    let Some((pre, post)) = copies(session, nat, change) else {
        return nothing(frame, area, "The changed message is no longer kept.");
    };
    let columns = usize::from(area.width);
    let explained = explanation(scene, nat, state.change, change, columns);
    let below = (explained.len() as u16).min(area.height / 2);
    let [above, below] =
        Layout::vertical([Constraint::Min(2), Constraint::Length(below)]).areas(area);
    frame.render_widget(Paragraph::new(explained), below);
    let own: Vec<(usize, &FieldDiff)> = nat
        .rewrites
        .iter()
        .enumerate()
        .filter(|(_, other)| is_same_message(other, change))
        .collect();
    let changes: Vec<&FieldDiff> = own.iter().map(|(_, change)| *change).collect();
    let sides = diff::sides(pre, post, &changes, scene.privacy);
    let at_change = own.iter().position(|(index, _)| *index == state.change);
    let mut lines = Vec::new();
    let mut focus = 0..0;
    if columns >= SIDE_BY_SIDE {
        lines.push(titles(scene, change, columns));
    } else {
        lines.push(rule(
            &format!(
                "- inside {}  + outside {}",
                findings::place(scene, change.pre_at),
                findings::place(scene, change.post_at)
            ),
            columns,
        ));
    }
    for row in &sides.rows {
        let is_focus = at_change.is_some_and(|at| row.changes.contains(&at));
        let start = lines.len();
        if columns >= SIDE_BY_SIDE {
            lines.extend(beside(row, columns, is_focus));
        } else {
            lines.extend(stacked(row, columns, is_focus));
        }
        if is_focus {
            focus = start..lines.len();
        }
    }
    let page = usize::from(above.height);
    // One more line, because the last one may hold the label of what is below.
    let to_focus = (focus.end + 1).saturating_sub(page).min(focus.start);
    scrolled(frame, above, lines, to_focus + state.scroll)
}

fn why_not(session: &Session) -> &'static str {
    if session.legs.iter().any(|leg| leg.encrypted) {
        "The connection is encrypted (TLS): an ALG cannot change what it cannot read."
    } else {
        "One side of the router only was captured, so nothing can be compared. Capture on both sides at the same time."
    }
}

/// The two copies of the message in which a change is.
fn copies<'a>(
    session: &'a Session,
    nat: &NatPair,
    change: &FieldDiff,
) -> Option<(&'a Message, &'a Message)> {
    let find = |leg: usize, at: rtspscope_engine::Locator| {
        let mut exchanges = session.legs.get(leg)?.exchanges.iter();
        exchanges.find_map(|exchange| part(exchange, change).filter(|message| message.at == at))
    };
    Some((
        find(nat.pre, change.pre_at)?,
        find(nat.post, change.post_at)?,
    ))
}

fn part<'a>(exchange: &'a Exchange, change: &FieldDiff) -> Option<&'a Message> {
    if change.in_response {
        exchange.response.as_deref()
    } else {
        exchange.request.as_deref()
    }
}

fn is_same_message(a: &FieldDiff, b: &FieldDiff) -> bool {
    (a.in_response, a.pre_at, a.post_at) == (b.in_response, b.pre_at, b.post_at)
}

fn titles(scene: &Scene, change: &FieldDiff, columns: usize) -> Line<'static> {
    let half = (columns - 3) / 2;
    let title = |side: &str, at| {
        text::left(
            &format!("{side} the router: {}", findings::place(scene, at)),
            half,
        )
    };
    Line::from(vec![
        Span::styled(title("inside", change.pre_at), theme::strong()),
        Span::styled(" │ ", theme::faint()),
        Span::styled(title("outside", change.post_at), theme::strong()),
    ])
}

fn beside(row: &SidesRow, columns: usize, is_focus: bool) -> Vec<Line<'static>> {
    let half = (columns - 3) / 2;
    let cells = |line: &Option<Read>| match line {
        Some(line) => wrapped(&line.pieces, half, 0),
        None => vec![Line::styled("∅ no such line", theme::faint())],
    };
    let (pre, post) = (cells(&row.pre), cells(&row.post));
    let middle = match (row.is_changed, is_focus) {
        (true, true) => Span::styled(" ▶ ", theme::bad()),
        (true, false) => Span::styled(" ≠ ", theme::changed()),
        (false, _) => Span::styled(" │ ", theme::faint()),
    };
    let plain = Span::styled(" │ ", theme::faint());
    (0..pre.len().max(post.len()))
        .map(|number| {
            let mut spans = pre
                .get(number)
                .map_or_else(Vec::new, |line| line.spans.clone());
            let used: usize = spans.iter().map(Span::width).sum();
            spans.push(Span::raw(" ".repeat(half.saturating_sub(used))));
            spans.push(if number == 0 {
                middle.clone()
            } else {
                plain.clone()
            });
            spans.extend(
                post.get(number)
                    .map_or_else(Vec::new, |line| line.spans.clone()),
            );
            let line = Line::from(spans);
            if row.is_changed {
                line
            } else {
                line.style(theme::faint())
            }
        })
        .collect()
}

/// One above the other, the unchanged lines once.
fn stacked(row: &SidesRow, columns: usize, is_focus: bool) -> Vec<Line<'static>> {
    let sign = |line: &Option<Read>, sign: &'static str, style: Style| {
        let pieces = line
            .iter()
            .flat_map(|line| wrapped(&line.pieces, columns.saturating_sub(2), 0));
        pieces
            .map(|line| {
                let mut spans = vec![Span::styled(sign, style)];
                spans.extend(line.spans);
                Line::from(spans)
            })
            .collect::<Vec<_>>()
    };
    if !row.is_changed {
        return sign(&row.pre, "  ", theme::faint())
            .into_iter()
            .map(|line| line.style(theme::faint()))
            .collect();
    }
    let (minus, plus) = if is_focus {
        ("▶-", "▶+")
    } else {
        "- + ".split_at(2)
    };
    [
        sign(&row.pre, minus, theme::bad()),
        sign(&row.post, plus, theme::changed()),
    ]
    .concat()
}

fn explanation(
    scene: &Scene,
    nat: &NatPair,
    index: usize,
    change: &FieldDiff,
    columns: usize,
) -> Vec<Line<'static>> {
    let (class, style) = match change.class {
        DiffClass::Alg => ("rewrite", theme::changed()),
        DiffClass::Corruption => ("corruption", theme::bad()),
    };
    let kind = if change.in_response {
        "answer"
    } else {
        "request"
    };
    let cseq = change
        .cseq
        .map_or_else(String::new, |cseq| format!(" CSeq {cseq}"));
    let value = |value: &Option<String>| {
        value.as_ref().map_or_else(
            || "(absent)".to_owned(),
            |value| scene.privacy.field(&change.field, value),
        )
    };
    let method = scene.text(&change.method);
    let title = format!(
        "change {} of {}: {method} {kind}{cseq}",
        index + 1,
        nat.rewrites.len()
    );
    let mut lines = vec![rule(&title, columns)];
    lines.push(Line::from(vec![
        Span::styled(format!(" {class} "), style),
        Span::styled(scene.text(&change.field), theme::strong()),
    ]));
    lines.extend(labelled(
        " from",
        7,
        &value(&change.pre),
        columns,
        Style::new(),
    ));
    lines.extend(labelled(
        " to",
        7,
        &value(&change.post),
        columns,
        theme::changed(),
    ));
    lines.extend(labelled(
        " means",
        7,
        diff::meaning(change),
        columns,
        Style::new(),
    ));
    if let Some(delta) = nat.sequence_delta.filter(|delta| *delta != 0) {
        let says = format!(
            "the client's stream is {} bytes {} behind the router",
            delta.unsigned_abs(),
            if delta > 0 { "longer" } else { "shorter" }
        );
        lines.extend(labelled("", 7, &says, columns, theme::faint()));
    }
    lines
}

/// The chosen change in words.
pub(super) fn copied(state: &State, scene: &Scene) -> String {
    let change = scene
        .session(state)
        .and_then(|session| session.nat.as_ref()?.rewrites.get(state.change));
    change.map_or_else(String::new, |change| {
        let value = |value: &Option<String>| {
            value.as_ref().map_or_else(
                || "(absent)".to_owned(),
                |value| scene.privacy.field(&change.field, value),
            )
        };
        format!(
            "{}: {} → {}\n",
            scene.text(&change.field),
            value(&change.pre),
            value(&change.post)
        )
    })
}
