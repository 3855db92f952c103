//! A message as it crossed one tap: its fields told apart, what is odd underlined and said, bytes that cannot be shown
//! as escapes.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use rtspscope_engine::model::{Exchange, Message, Session};

use super::super::scene::Scene;
use super::super::state::{Drawn, State};
use super::super::{text, theme};
use super::{findings, ladder, nothing, rule, scrolled, without_session};
use crate::story::ladder::{Row, Said};
use crate::story::message::{self, Kind, Piece};

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, state: &State, scene: &Scene) -> Drawn {
    let Some(session) = scene.session(state) else {
        return without_session(frame, area, state, scene);
    };
    let Some((row, said)) = chosen(scene, session, state) else {
        let says = if session.legs.iter().any(|leg| leg.encrypted) {
            "The connection is encrypted (TLS): no message of it can be read, here or by a router."
        } else {
            "No message of this session was captured."
        };
        return nothing(frame, area, says);
    };
    let copies = copies(session, &said);
    let Some((leg, shown)) = copies.get(state.copy.min(copies.len().saturating_sub(1))) else {
        return nothing(frame, area, "The message is no longer kept.");
    };
    let columns = usize::from(area.width);
    let kind = if said.is_response {
        "answer to"
    } else {
        "request"
    };
    let cseq = said
        .cseq
        .map_or_else(String::new, |cseq| format!(" CSeq {cseq}"));
    let place = findings::place(scene, shown.at);
    let which = state.copy.min(copies.len() - 1) + 1;
    let title = format!(
        "{kind} {}{cseq} at {place} (copy {which} of {})  {:.3} s  {} bytes",
        said.method,
        copies.len(),
        row.since_start.as_secs_f64(),
        shown.raw.len()
    );
    let mut lines = vec![rule(&title, columns)];
    if !said.changes.is_empty() {
        let what = if said.is_broken { "broken" } else { "changed" };
        let count = said.changes.len();
        lines.push(Line::styled(
            format!("  ≠ {what} between the taps in {count} place(s): d shows it"),
            theme::changed(),
        ));
    }
    let leg = session.legs.get(*leg);
    lines.extend(leg.map(|leg| {
        Line::styled(
            text::cut(&format!("  {} → {}", leg.client, leg.server), columns),
            theme::faint(),
        )
    }));
    lines.extend(body(scene, shown, columns));
    scrolled(frame, area, lines, state.scroll)
}

/// The message that the ladder's cursor is on, else the last before it, else the first.
pub(super) fn chosen(scene: &Scene, session: &Session, state: &State) -> Option<(Row, Said)> {
    let rows = ladder::rows(scene, session, state.zoom);
    let said = |row: &Row| Some((row.clone(), row.said()?.clone()));
    let before = rows.get(..=state.ladder.at).unwrap_or_default();
    before
        .iter()
        .rev()
        .find_map(said)
        .or_else(|| rows.iter().find_map(said))
        .or_else(|| scene.ladder(session).rows.iter().find_map(said))
}

/// The copies of a message at the legs that have it.
pub(super) fn copies<'a>(session: &'a Session, said: &Said) -> Vec<(usize, &'a Message)> {
    let at_leg = |leg: usize| -> Option<(usize, &'a Message)> {
        let exchange: &Exchange = session
            .legs
            .get(leg)?
            .exchanges
            .get((*said.exchange.get(leg)?)?)?;
        let message = if said.is_response {
            exchange.response.as_deref()
        } else {
            exchange.request.as_deref()
        };
        Some((leg, message?))
    };
    (0..session.legs.len()).filter_map(at_leg).collect()
}

/// The lines of a message, with what is odd below the line where it begins.
pub(super) fn body(scene: &Scene, shown: &Message, columns: usize) -> Vec<Line<'static>> {
    let read = message::text(shown, &[], scene.privacy);
    let mut lines = Vec::new();
    for (number, line) in read.lines.iter().enumerate() {
        lines.extend(wrapped(&line.pieces, columns.saturating_sub(2), 2));
        for (_, odd) in read.oddities.iter().filter(|(at, _)| *at == number) {
            let says = text::wrap(&format!("↑ {odd}"), columns.saturating_sub(4));
            lines.extend(
                says.into_iter()
                    .map(|part| Line::styled(format!("    {part}"), theme::doubtful())),
            );
        }
    }
    lines
}

/// Pieces in lines of at most `columns`, behind an indent; broken behind a separator where there is one near the end.
pub(super) fn wrapped(pieces: &[Piece], columns: usize, indent: usize) -> Vec<Line<'static>> {
    let columns = columns.max(8);
    let mut lines: Vec<Vec<(char, Style)>> = vec![Vec::new()];
    for piece in pieces {
        let style = style(piece);
        for character in piece.text.chars() {
            let hang = if lines.len() > 1 { HANG } else { 0 };
            if let Some(line) = lines.last_mut()
                && hang + columns_of(line) + columns_of(&[(character, style)]) > columns
            {
                let rest = line.split_off(place_to_break(line));
                lines.push(rest);
            }
            if let Some(line) = lines.last_mut() {
                line.push((character, style));
            }
        }
    }
    let lines = lines.into_iter().enumerate();
    lines
        .map(|(number, line)| joined(line, indent + if number > 0 { HANG } else { 0 }))
        .collect()
}

/// Further columns of the indent of a continued line.
const HANG: usize = 2;

/// Columns from the end of a line within which a separator is looked for.
const BREAK_WITHIN: usize = 30;

fn columns_of(line: &[(char, Style)]) -> usize {
    let width = |character: char| text::width(character.encode_utf8(&mut [0; 4]));
    line.iter().map(|(character, _)| width(*character)).sum()
}

fn place_to_break(line: &[(char, Style)]) -> usize {
    let is_separator =
        |(character, _): &(char, Style)| matches!(character, ' ' | ';' | ',' | '/' | '&');
    let found = line.iter().rposition(is_separator).map(|at| at + 1);
    found
        .filter(|at| at + BREAK_WITHIN >= line.len())
        .unwrap_or(line.len())
}

fn joined(line: Vec<(char, Style)>, indent: usize) -> Line<'static> {
    let mut spans: Vec<(String, Style)> = vec![(" ".repeat(indent), Style::new())];
    for (character, style) in line {
        match spans.last_mut() {
            Some((run, of)) if *of == style => run.push(character),
            Some(_) | None => spans.push((character.to_string(), style)),
        }
    }
    let spans = spans
        .into_iter()
        .map(|(run, style)| Span::styled(run, style));
    Line::from(spans.collect::<Vec<_>>())
}

fn style(piece: &Piece) -> Style {
    let plain = match piece.kind {
        Kind::Start => theme::strong(),
        Kind::Name => theme::name(),
        Kind::Value | Kind::Body => Style::new(),
        Kind::Secret => theme::faint(),
        Kind::Escape => theme::escape(),
    };
    match (piece.is_changed, piece.is_odd) {
        (true, _) => plain.patch(theme::changed()),
        (false, true) => plain.patch(theme::odd()),
        (false, false) => plain,
    }
}

/// The message in plain text.
pub(super) fn copied(state: &State, scene: &Scene) -> String {
    let Some(session) = scene.session(state) else {
        return String::new();
    };
    let Some((_, said)) = chosen(scene, session, state) else {
        return String::new();
    };
    let copies = copies(session, &said);
    let Some((_, shown)) = copies.get(state.copy.min(copies.len().saturating_sub(1))) else {
        return String::new();
    };
    let read = message::text(shown, &[], scene.privacy);
    let lines = read.lines.iter().map(|line| {
        let text: String = line
            .pieces
            .iter()
            .map(|piece| piece.text.as_str())
            .collect();
        text + "\n"
    });
    lines.collect()
}
