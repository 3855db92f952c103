//! The ladder: client, taps and server as columns, a row for each thing that went between them, and the chosen row in
//! words below.

mod canvas;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::Line;
use ratatui::widgets::Paragraph;
use rtspscope_engine::model::{Session, Side};

use super::super::scene::Scene;
use super::super::state::{Drawn, State, Zoom};
use super::super::theme;
use super::{findings, first_row, labelled, message, nothing, right_label, rule, without_session};
use crate::story::Place;
use crate::story::ladder::{Ladder, Row, Seen, Segment, What};
use crate::story::matrix::media_name;
use crate::story::rates::{self, Of};
use canvas::Canvas;

/// Columns from which the chosen message's text stands beside the ladder.
const WITH_TEXT: u16 = 132;

/// The rows that a zoom shows.
pub(in crate::tui) fn rows(scene: &Scene, session: &Session, zoom: Zoom) -> Vec<Row> {
    let ladder = scene.ladder(session);
    let is_message = |row: &&Row| {
        matches!(
            row.what,
            What::Open { .. } | What::Message(_) | What::Unanswered { .. } | What::Close { .. }
        )
    };
    match zoom {
        Zoom::All => ladder.rows.clone(),
        Zoom::Messages => ladder.rows.iter().filter(is_message).cloned().collect(),
        Zoom::Media => media_rows(session, &ladder, scene),
    }
}

/// A row for each medium and step of time.
fn media_rows(session: &Session, ladder: &Ladder, scene: &Scene) -> Vec<Row> {
    let mut rows = Vec::new();
    for (index, media) in session.media.iter().enumerate() {
        let Some(rates) = rates::of(media, Of::Whole) else {
            continue;
        };
        let name = media_name(session, index, scene.privacy);
        for step in 0..rates.len {
            let at = rates.begin_of(step);
            let places = ladder.lanes.iter().filter_map(|lane| lane.place);
            let seen = places.map(|place| {
                let of_tap = rates.taps.iter().find(|taps| taps.place == place);
                let packets = of_tap.and_then(|taps| taps.packets.get(step).copied());
                let has_arrival = media
                    .arrivals
                    .iter()
                    .any(|arrival| Place::of(arrival) == place);
                match packets {
                    Some(0) => Seen::Not,
                    Some(packets) => Seen::Passed {
                        at: rtspscope_engine::Locator {
                            tap: place.tap,
                            frame: None,
                            at,
                            stream_offset: None,
                        },
                        packets: Some(u64::from(packets)),
                    },
                    None if has_arrival => Seen::Not,
                    None => Seen::Unknown,
                }
            });
            let bits = rates
                .taps
                .iter()
                .filter_map(|taps| taps.bits_per_second.get(step));
            let most = bits.fold(0.0, |most: f64, bits| most.max(*bits));
            rows.push(Row {
                at,
                since_start: at - session.started_at,
                from: Some(Side::Server),
                what: What::Media { media: index },
                label: format!("{name} {}", rates::bits(rates::whole(most))),
                seen: seen.collect(),
                findings: Vec::new(),
            });
        }
    }
    rows.sort_by_key(|row| row.at);
    rows
}

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, state: &State, scene: &Scene) -> Drawn {
    let Some(session) = scene.session(state) else {
        return without_session(frame, area, state, scene);
    };
    let rows = rows(scene, session, state.zoom);
    if rows.is_empty() {
        return nothing(
            frame,
            area,
            "No media over time is known of this session. z shows its messages.",
        );
    }
    let beside = if area.width >= WITH_TEXT {
        area.width * 2 / 5
    } else {
        0
    };
    let [main, side] =
        Layout::horizontal([Constraint::Min(30), Constraint::Length(beside)]).areas(area);
    let words = words(
        scene,
        state,
        session,
        rows.get(state.ladder.at),
        usize::from(main.width),
    );
    let below = (words.len() as u16).min(if area.height < 14 { 3 } else { area.height / 3 });
    let [head, body, foot] = Layout::vertical([
        Constraint::Length(if area.height < 14 { 1 } else { 2 }),
        Constraint::Min(1),
        Constraint::Length(below),
    ])
    .areas(main);
    let ladder = scene.ladder(session);
    let page = usize::from(body.height);
    let first = first_row(state.ladder.at, rows.len(), page);
    let canvas = Canvas::new(usize::from(main.width), ladder.lanes.len());
    frame.render_widget(
        Paragraph::new(canvas.heads(&ladder.lanes, usize::from(head.height))),
        head,
    );
    let mut places = Vec::new();
    let mut lines = Vec::new();
    for (offset, row) in rows.iter().skip(first).take(page).enumerate() {
        places.push((body.y + offset as u16, first + offset));
        let line = canvas.row(row, severity(scene, row), &changes(scene, session, row));
        lines.push(if first + offset == state.ladder.at {
            line.style(theme::selected())
        } else {
            line
        });
    }
    frame.render_widget(Paragraph::new(lines), body);
    if rows.len() > page {
        right_label(
            frame,
            head,
            &format!(" {}/{} ", state.ladder.at + 1, rows.len()),
        );
    }
    frame.render_widget(Paragraph::new(words), foot);
    draw_text(frame, side, state, scene, session);
    Drawn {
        page,
        len: rows.len(),
        rows: places,
        tabs: Vec::new(),
    }
}

/// The text of the message at the cursor, on wide screens.
fn draw_text(frame: &mut Frame<'_>, area: Rect, state: &State, scene: &Scene, session: &Session) {
    if area.width == 0 {
        return;
    }
    let Some((row, said)) = message::chosen(scene, session, state) else {
        return;
    };
    let copies = message::copies(session, &said);
    let Some((_, shown)) = copies.first() else {
        return;
    };
    let columns = usize::from(area.width).saturating_sub(1);
    let mut lines = vec![rule(
        &format!("{} at {}", row.label, findings::place(scene, shown.at)),
        columns,
    )];
    lines.extend(message::body(scene, shown, columns));
    let place = Rect {
        x: area.x + 1,
        width: area.width - 1,
        ..area
    };
    frame.render_widget(Paragraph::new(lines), place);
}

/// The worst finding that the row proves.
fn severity(scene: &Scene, row: &Row) -> Option<rtspscope_engine::Severity> {
    let findings = row
        .findings
        .iter()
        .filter_map(|index| scene.snapshot.findings.get(*index));
    findings.map(|finding| finding.severity).max()
}

/// The changed fields of a message, in short.
fn changes(scene: &Scene, session: &Session, row: &Row) -> Vec<String> {
    let What::Message(said) = &row.what else {
        return Vec::new();
    };
    let rewrites = session.nat.iter().flat_map(|nat| &nat.rewrites);
    let all: Vec<_> = rewrites.collect();
    let own = said.changes.iter().filter_map(|index| all.get(*index));
    own.map(|diff| scene.text(diff.field.rsplit('.').next().unwrap_or(&diff.field)))
        .collect()
}

/// The chosen row in words.
fn words(
    scene: &Scene,
    state: &State,
    session: &Session,
    row: Option<&Row>,
    columns: usize,
) -> Vec<Line<'static>> {
    let Some(row) = row else { return Vec::new() };
    let zoom = match state.zoom {
        Zoom::All => "",
        Zoom::Messages => "  (messages only)",
        Zoom::Media => "  (media in steps)",
    };
    let mut lines = vec![rule(
        &format!("{:.3} s{zoom}", row.since_start.as_secs_f64()),
        columns,
    )];
    lines.extend(labelled(" ", 1, &row.label, columns, theme::strong()));
    for index in &row.findings {
        if let Some(finding) = scene.snapshot.findings.get(*index) {
            let (mark, style) = theme::mark(Some(finding.severity));
            let says = format!("{} [{}]", scene.text(&finding.summary), finding.code.name());
            lines.extend(labelled(&format!(" {mark}"), 3, &says, columns, style));
        }
    }
    if let Some(said) = seen(scene, row) {
        lines.extend(labelled(" seen", 9, &said, columns, Style::new()));
    }
    if let What::Message(said) = &row.what {
        let rewrites: Vec<_> = session.nat.iter().flat_map(|nat| &nat.rewrites).collect();
        for diff in said.changes.iter().filter_map(|index| rewrites.get(*index)) {
            let value = |value: &Option<String>| {
                value.as_ref().map_or_else(
                    || "(absent)".to_owned(),
                    |value| scene.privacy.field(&diff.field, value),
                )
            };
            let says = format!(
                "{}: {} → {}",
                scene.text(&diff.field),
                value(&diff.pre),
                value(&diff.post)
            );
            lines.extend(labelled(" ≠", 3, &says, columns, theme::changed()));
        }
        if said.anomalies > 0 {
            lines.extend(labelled(
                " odd",
                9,
                &format!("{} oddities; r shows them", said.anomalies),
                columns,
                theme::odd(),
            ));
        }
        if said.repeats > 0 {
            lines.extend(labelled(
                " again",
                9,
                &format!("sent {} more times", said.repeats),
                columns,
                theme::doubtful(),
            ));
        }
    }
    lines
}

/// Where a row was seen.
fn seen(scene: &Scene, row: &Row) -> Option<String> {
    let places: Vec<String> = row
        .seen
        .iter()
        .filter_map(|seen| match seen {
            Seen::Passed { at, packets } => {
                let packets =
                    packets.map_or_else(String::new, |packets| format!(" {packets} packets"));
                Some(format!("{}{packets}", findings::place(scene, *at)))
            }
            Seen::Not | Seen::Unknown => None,
        })
        .collect();
    let lost = if row.lost_at().is_some() {
        ", and not behind that: lost on the way"
    } else {
        ""
    };
    (!places.is_empty()).then(|| format!("{}{lost}", places.join(", ")))
}

/// Whether a segment ends at a tap or an end that the row's packet reached.
const fn is_passed(segment: Segment) -> bool {
    matches!(segment, Segment::Passed)
}
