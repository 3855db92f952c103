//! Two marked sessions side by side: what is different about the one that works.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use rtspscope_engine::model::Session;

use super::super::scene::{Scene, SessionRow};
use super::super::state::{Drawn, State};
use super::super::{text, theme};
use super::{nothing, rule, scrolled};
use crate::output::names;
use crate::story::ladder::Row;
use crate::story::matrix::{self, Cell};

/// A line of the comparison: what, and its value in either session.
type Fact = (String, [String; 2]);

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, state: &State, scene: &Scene) -> Drawn {
    let pair = state.marked.as_slice();
    let found = |id: &u32| Some((scene.by_id(*id)?, scene.row_by_id(*id)?));
    let (Some(a), Some(b)) = (pair.first().and_then(found), pair.get(1).and_then(found)) else {
        return nothing(
            frame,
            area,
            "Mark two sessions in the list with Space, then compare them with x.",
        );
    };
    let columns = usize::from(area.width);
    let mut lines = vec![rule("two sessions; ≠ where they differ", columns)];
    lines.extend(table(&facts(scene, [a, b]), columns));
    lines.push(rule("what was said", columns));
    lines.extend(table(&dialogue(scene, [a.0, b.0]), columns));
    scrolled(frame, area, lines, state.scroll)
}

fn table(facts: &[Fact], columns: usize) -> Vec<Line<'static>> {
    let names = if columns < 60 { 9 } else { 15 };
    let half = columns.saturating_sub(names + 5) / 2;
    let mut lines = Vec::new();
    for (what, [a, b]) in facts {
        let differs = a != b;
        let (sign, style) = if differs {
            ("≠", theme::changed())
        } else {
            (" ", theme::faint())
        };
        let (left, right) = (text::wrap(a, half), text::wrap(b, half));
        for number in 0..left.len().max(right.len()) {
            let what = if number == 0 { what.as_str() } else { "" };
            let cell =
                |lines: &[String]| text::left(lines.get(number).map_or("", String::as_str), half);
            lines.push(Line::from(vec![
                Span::styled(format!(" {} ", text::left(what, names)), theme::faint()),
                Span::raw(cell(&left)),
                Span::styled(format!(" {} ", if number == 0 { sign } else { " " }), style),
                Span::raw(cell(&right)),
            ]));
        }
    }
    lines
}

fn facts(scene: &Scene, pair: [(&Session, &SessionRow); 2]) -> Vec<Fact> {
    let of_row = |what: &str, value: fn(&SessionRow) -> String| {
        (what.to_owned(), pair.map(|(_, row)| value(row)))
    };
    let of_session = |what: &str, value: &dyn Fn(&Session) -> String| {
        (what.to_owned(), pair.map(|(session, _)| value(session)))
    };
    let optional = |value: &Option<String>| {
        value
            .as_ref()
            .map_or_else(|| "–".to_owned(), |value| scene.text(value))
    };
    let mut facts = vec![
        of_row("URL", |row| row.url.clone()),
        of_row("client", |row| row.client.clone()),
        of_session("player", &|session| optional(&session.user_agent)),
        of_row("camera", |row| row.camera.clone()),
        of_session("server", &|session| optional(&session.server_name)),
        of_row("state", |row| row.state.to_owned()),
        of_row("via", |row| row.via.to_owned()),
        of_row("ALG", |row| row.alg.clone()),
        of_session("helper", &|session| {
            optional(&scene.snapshot.assignment_told(session))
        }),
        of_row("findings", |row| {
            if row.codes.is_empty() {
                "none".to_owned()
            } else {
                row.codes.join(" ")
            }
        }),
        of_session("timeout", &|session| {
            session
                .timeout_secs
                .map_or_else(|| "–".to_owned(), |secs| format!("{secs} s"))
        }),
        of_session("NAT changes", &|session| {
            session
                .nat
                .as_ref()
                .map_or_else(|| "–".to_owned(), |nat| nat.rewrites.len().to_string())
        }),
        of_session("evidence", &|session| {
            let evidence = session.nat.iter().flat_map(|nat| &nat.evidence);
            evidence
                .map(|evidence| names::evidence(*evidence))
                .collect::<Vec<_>>()
                .join(" ")
        }),
    ];
    let most = pair
        .iter()
        .map(|(session, _)| session.media.len())
        .max()
        .unwrap_or(0);
    let matrices = pair.map(|(session, _)| matrix::of(&scene.snapshot, session, scene.privacy));
    for media in 0..most {
        let ports = pair.map(|(session, _)| {
            let negotiated = session.media.get(media).map(|media| &media.negotiated);
            negotiated.map_or_else(
                || "–".to_owned(),
                |agreed| {
                    format!(
                        "client {} server {}",
                        port(agreed.client_rtp_port),
                        port(agreed.server_rtp_port)
                    )
                },
            )
        });
        let arrived = [0, 1].map(|side| {
            let Some(matrix) = matrices.get(side) else {
                return String::new();
            };
            let Some(row) = matrix
                .rows
                .iter()
                .find(|row| row.media == media && !row.is_rtcp)
            else {
                return "–".to_owned();
            };
            let cells = matrix
                .stations
                .iter()
                .zip(&row.cells)
                .map(|(station, cell)| match cell {
                    Cell::Came { packets, .. } => format!("{} {packets}", station.title),
                    Cell::Nothing => format!("{} 0", station.title),
                    Cell::Unknown => format!("{} –", station.title),
                });
            format!("{}: {}", row.name, cells.collect::<Vec<_>>().join(", "))
        });
        facts.push((format!("medium {}", media + 1), arrived));
        facts.push(("  RTP ports".to_owned(), ports));
    }
    facts
}

fn port(port: Option<u16>) -> String {
    port.map_or_else(|| "–".to_owned(), |port| port.to_string())
}

/// The messages of both in order, without URLs and times.
fn dialogue(scene: &Scene, pair: [&Session; 2]) -> Vec<Fact> {
    let said = pair.map(|session| {
        let ladder = scene.ladder(session);
        let said = ladder.rows.iter().filter_map(Row::said);
        let rows = said.map(|said| match said.status {
            Some(status) => format!("  {status} to {}", said.method),
            None => said.method.clone(),
        });
        rows.collect::<Vec<_>>()
    });
    let [a, b] = said;
    (0..a.len().max(b.len()))
        .map(|number| {
            let line = |lines: &[String]| lines.get(number).cloned().unwrap_or_default();
            ((number + 1).to_string(), [line(&a), line(&b)])
        })
        .collect()
}
