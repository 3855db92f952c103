//! What was found of the chosen session: what, why, the proof, and what to do.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;
use rtspscope_engine::{Finding, Severity};

use super::super::scene::Scene;
use super::super::state::{Drawn, State};
use super::super::{text, theme};
use super::{labelled, nothing, right_label, without_session};
use crate::output::names;
use crate::output::place;
use crate::output::privacy::own;
use crate::story::tap_title;

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, state: &State, scene: &Scene) -> Drawn {
    let findings = scene.findings(state);
    if findings.is_empty() {
        if scene.session(state).is_none() {
            return without_session(frame, area, state, scene);
        }
        let says = if scene.shows_media(state) {
            "✓ Nothing found that is wrong with this session."
        } else {
            "! Nothing found, and no media of this session was seen: it proves nothing."
        };
        return nothing(frame, area, says);
    }
    let columns = usize::from(area.width);
    let mut lines = Vec::new();
    let mut rows: Vec<(usize, usize)> = Vec::new();
    let mut chosen = 0..0;
    for (index, finding) in findings.iter().enumerate() {
        let is_chosen = index == state.findings.at;
        let start = lines.len();
        lines.extend(head(scene, finding, columns, is_chosen));
        if is_chosen {
            lines.extend(details(scene, finding, state.proof, columns));
            chosen = start..lines.len();
        }
        rows.extend((start..lines.len()).map(|line| (line, index)));
    }
    let page = usize::from(area.height);
    let len = lines.len();
    let scroll = scroll(&chosen, len, page);
    let shown: Vec<Line<'static>> = lines.into_iter().skip(scroll).take(page).collect();
    frame.render_widget(Paragraph::new(shown), area);
    if scroll + page < len {
        right_label(
            frame,
            area,
            &format!(" {} of {} ↓ ", state.findings.at + 1, findings.len()),
        );
    }
    let on_screen = rows
        .into_iter()
        .filter(|(line, _)| (scroll..scroll + page).contains(line));
    Drawn {
        page: 4,
        len: findings.len(),
        rows: on_screen
            .map(|(line, index)| (area.y + (line - scroll) as u16, index))
            .collect(),
        tabs: Vec::new(),
    }
}

/// So that the chosen finding is seen from its head on, and as much of it as fits.
fn scroll(chosen: &std::ops::Range<usize>, len: usize, page: usize) -> usize {
    let to_end = chosen.end.saturating_sub(page);
    to_end
        .min(chosen.start)
        .min(len.saturating_sub(page.min(len)))
}

fn head(scene: &Scene, finding: &Finding, columns: usize, is_chosen: bool) -> Vec<Line<'static>> {
    let (mark, color) = theme::mark(Some(finding.severity));
    let summary = scene.text(&finding.summary);
    let code = format!("[{}]", finding.code.name());
    let wrapped = text::wrap(&format!("{summary} {code}"), columns.saturating_sub(3));
    let lines = wrapped.into_iter().enumerate().map(|(number, part)| {
        let sign = if number == 0 {
            format!(" {mark} ")
        } else {
            "   ".to_owned()
        };
        let said = if is_chosen {
            theme::strong()
        } else {
            ratatui::style::Style::new()
        };
        let line = Line::from(vec![Span::styled(sign, color), Span::styled(part, said)]);
        if is_chosen && number == 0 {
            line.style(theme::selected())
        } else {
            line
        }
    });
    lines.collect()
}

fn details(scene: &Scene, finding: &Finding, proof: usize, columns: usize) -> Vec<Line<'static>> {
    let plain = ratatui::style::Style::new();
    let mut lines = Vec::new();
    let cause = scene.text(&finding.cause);
    if cause != scene.text(&finding.summary) && !cause.is_empty() {
        lines.extend(labelled("   why", 10, &cause, columns, plain));
    }
    for (index, evidence) in finding.evidence.iter().enumerate() {
        let label = if index == 0 { "   proof" } else { "" };
        let said = format!(
            "{} {}",
            place(scene, evidence.at),
            scene.text(&evidence.note)
        );
        let is_chosen = index == proof;
        let sign = if is_chosen { "▶ " } else { "  " };
        let style = if is_chosen { theme::strong() } else { plain };
        lines.extend(labelled(
            label,
            10,
            &format!("{sign}{said}"),
            columns,
            style,
        ));
    }
    for (number, remedy) in (1..).zip(&finding.remedy) {
        let label = if number == 1 { "   do" } else { "" };
        lines.extend(labelled(
            label,
            10,
            &format!("{number}. {}", scene.text(remedy)),
            columns,
            plain,
        ));
    }
    lines.push(Line::default());
    lines
}

/// Side of the router and frame.
pub(super) fn place(scene: &Scene, at: rtspscope_engine::Locator) -> String {
    let tap = scene.snapshot.taps.get(usize::from(at.tap.0));
    let name = tap.map_or_else(
        || names::no_tap(at.tap),
        |tap| {
            let title = tap_title(tap);
            let own_name = own(&tap.name);
            if title == own_name || scene.snapshot.taps.len() > 1 {
                title
            } else {
                own_name
            }
        },
    );
    let first = tap.and_then(|tap| tap.files.sources().next());
    place::told(&name, first, &place::find(&scene.snapshot, at))
}

/// A few lines below the list: each finding in short, the worst first, and what to do as far as there is room.
pub(super) fn summary(
    scene: &Scene,
    state: &State,
    columns: usize,
    room: usize,
) -> Vec<Line<'static>> {
    let plain = ratatui::style::Style::new();
    let all = scene.findings(state);
    let own: Vec<&&Finding> = all
        .iter()
        .filter(|finding| finding.subject.session.is_some())
        .collect();
    let mut lines = Vec::new();
    if own.is_empty() {
        let (mark, says) = if scene.shows_media(state) {
            (
                Span::styled(" ✓ ", theme::good()),
                "nothing found that is wrong",
            )
        } else {
            (
                Span::styled(" ! ", theme::doubtful()),
                "nothing found, and no media seen",
            )
        };
        lines.push(Line::from(vec![mark, Span::raw(says)]));
    }
    for finding in &own {
        lines.extend(head(scene, finding, columns, false));
        let cause = scene.text(&finding.cause);
        let is_worth_it = finding.severity == Severity::Error || own.len() <= 2;
        if is_worth_it && room > 6 {
            lines.extend(labelled("", 3, &cause, columns, theme::faint()));
        }
    }
    if let Some(session) = scene
        .session(state)
        .filter(|session| lines.len() + 4 < room && !session.media.is_empty())
    {
        lines.push(Line::default());
        lines.extend(super::media::matrix(scene, session, columns));
    }
    let asking = own
        .iter()
        .find(|finding| finding.severity != Severity::Info)
        .or(own.first());
    if let Some(finding) = asking.filter(|_| lines.len() + 2 < room) {
        lines.push(Line::default());
        for (number, remedy) in (1..).zip(&finding.remedy) {
            let label = if number == 1 { " do" } else { "" };
            lines.extend(labelled(
                label,
                6,
                &format!("{number}. {}", scene.text(remedy)),
                columns,
                plain,
            ));
        }
    }
    if lines.len() > room && room > 1 {
        lines.truncate(room - 1);
        lines.push(Line::styled("   … i shows all", theme::faint()));
    }
    lines
}

/// The chosen finding in words.
pub(super) fn copied(state: &State, scene: &Scene) -> String {
    let findings = scene.findings(state);
    let Some(finding) = findings.get(state.findings.at) else {
        return String::new();
    };
    let (summary, cause) = (scene.text(&finding.summary), scene.text(&finding.cause));
    let mut text = vec![format!("{summary} [{}]", finding.code.name()), cause];
    text.extend(finding.evidence.iter().map(|evidence| {
        format!(
            "proof: {} {}",
            place(scene, evidence.at),
            scene.text(&evidence.note)
        )
    }));
    let remedies = (1..).zip(&finding.remedy);
    text.extend(remedies.map(|(number, remedy)| format!("{number}. {}", scene.text(remedy))));
    text.join("\n") + "\n"
}
