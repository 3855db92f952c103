//! How well this sees: taps, packets in a second, everything that was lost, and what cannot be told.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::super::scene::Scene;
use super::super::state::{Drawn, State};
use super::super::{text, theme};
use super::{labelled, rule, scrolled};
use crate::output::names;
use crate::output::privacy::own;
use crate::story::rates::whole;

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, state: &State, scene: &Scene) -> Drawn {
    let columns = usize::from(area.width);
    let snapshot = &scene.snapshot;
    let mut lines = vec![rule("taps", columns)];
    for (tap, pace) in snapshot.taps.iter().zip(&scene.paces) {
        let pace = pace.map_or_else(String::new, |pace| {
            format!(", {}/s", text::count(whole(pace)))
        });
        let says = format!(
            "{} frames, {} bytes{pace}, {} UDP datagrams",
            text::count(tap.frames),
            text::count(tap.bytes),
            text::count(tap.udp_datagrams)
        );
        lines.push(Line::from(vec![
            Span::styled(
                format!(" {} ", text::left(names::role(tap.role), 7)),
                theme::strong(),
            ),
            Span::raw(text::cut(&own(&tap.name), columns.saturating_sub(10))),
        ]));
        lines.extend(labelled("", 9, &says, columns, Style::new()));
        lines.extend(labelled(
            "",
            9,
            &format!("by {}", own(&tap.source)),
            columns,
            theme::faint(),
        ));
        if tap.cut_frames > 0 {
            lines.extend(labelled(
                "",
                9,
                &format!("{} frames cut short by the capture", tap.cut_frames),
                columns,
                theme::doubtful(),
            ));
        }
        if let Some(offset) = tap.clock_offset.filter(|offset| offset.0 != 0) {
            let drift = tap.clock_drift_ppm.map_or_else(String::new, |drift| {
                format!(", gaining {drift:+.1} ppm on it")
            });
            let says = format!(
                "clock {:+.3} ms off the first tap's{drift}",
                offset.as_millis_f64()
            );
            lines.extend(labelled("", 9, &says, columns, theme::faint()));
        }
    }
    lines.push(Line::default());
    lines.push(rule("lost: not captured or not kept", columns));
    if snapshot.losses.is_empty() {
        lines.push(Line::from(vec![
            Span::styled(" ✓ ", theme::good()),
            Span::raw("nothing"),
        ]));
    }
    for (kind, count) in &snapshot.losses {
        lines.push(Line::from(vec![
            Span::styled(
                format!(" ! {} ", text::right(&text::count(*count), 7)),
                theme::doubtful(),
            ),
            Span::raw(format!("{}  ", names::loss(*kind))),
        ]));
    }
    lines.push(Line::default());
    lines.push(rule("blind spots: what this cannot show", columns));
    let general = snapshot
        .findings
        .iter()
        .filter(|finding| snapshot.blind_spots.contains(&finding.code));
    let mut seen = 0;
    for finding in general {
        seen += 1;
        lines.extend(labelled(
            " i",
            3,
            &scene.text(&finding.summary),
            columns,
            Style::new(),
        ));
        lines.extend(labelled(
            "",
            3,
            &scene.text(&finding.cause),
            columns,
            theme::faint(),
        ));
    }
    if seen == 0 {
        lines.push(Line::from(vec![
            Span::styled(" ✓ ", theme::good()),
            Span::raw("none known"),
        ]));
    }
    if !scene.health.is_empty() {
        lines.push(Line::default());
        lines.push(rule("kernel programs", columns));
        for (label, says) in &scene.health {
            lines.extend(labelled(
                &format!(" {label}"),
                20,
                says,
                columns,
                Style::new(),
            ));
        }
    }
    lines.push(Line::default());
    lines.push(rule("sessions", columns));
    lines.push(Line::from(format!(
        " {}, {}",
        names::count(snapshot.sessions.len() as u64, "session"),
        names::count(snapshot.findings.len() as u64, "finding")
    )));
    scrolled(frame, area, lines, state.scroll)
}
