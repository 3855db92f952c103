//! The screen's content: a table of sessions above, what was found of the selected one below.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Borders, Cell, Paragraph, Row, Table, TableState, Wrap};

use crate::output::json::{Finding, Report, Session};

/// Columns of the longest address, an IPv6 one in brackets.
const MAX_HOST_WIDTH: usize = 41;

/// Draws everything.
pub(super) fn screen(frame: &mut Frame<'_>, report: &Report, selected: usize, live: bool) {
    let [head, sessions, findings, keys] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Min(5),
        Constraint::Percentage(55),
        Constraint::Length(1),
    ])
    .areas(frame.area());
    frame.render_widget(Paragraph::new(heading(report, live)), head);
    draw_sessions(frame, sessions, report, selected);
    draw_findings(frame, findings, report, selected, live);
    frame.render_widget(
        Paragraph::new("q quit   ↑↓ or jk choose a session").style(faint()),
        keys,
    );
}

fn heading(report: &Report, live: bool) -> String {
    let taps: Vec<String> = report
        .capture
        .taps
        .iter()
        .map(|tap| format!("{} ({}) {} frames", tap.name, tap.role, tap.frames))
        .collect();
    let lost = if report.capture.lost > 0 {
        format!("   not captured: {}", report.capture.lost)
    } else {
        String::new()
    };
    format!(
        "rtspscope {}   {}{lost}",
        if live { "live" } else { "saved" },
        taps.join("   ")
    )
}

fn draw_sessions(frame: &mut Frame<'_>, area: Rect, report: &Report, selected: usize) {
    let head = [
        "",
        "client",
        "camera",
        "via",
        "RTP LAN",
        "RTP WAN",
        "worst finding",
        "state",
        "ALG",
    ];
    let rows = report
        .sessions
        .iter()
        .map(|session| session_row(report, session));
    let widths = [
        Constraint::Length(1),
        Constraint::Length(host_width(report, |session| &session.client.address)),
        Constraint::Length(host_width(report, |session| &session.server.address)),
        Constraint::Length(5),
        Constraint::Length(7),
        Constraint::Length(7),
        Constraint::Min(20),
        Constraint::Max(11),
        Constraint::Max(17),
    ];
    let title = format!(" sessions: {} ", report.sessions.len());
    let table = Table::new(rows, widths)
        .header(Row::new(head).style(faint()))
        .row_highlight_style(Style::new().add_modifier(Modifier::REVERSED))
        .block(Block::new().borders(Borders::TOP).title(title));
    let mut state =
        TableState::new().with_selected((!report.sessions.is_empty()).then_some(selected));
    frame.render_stateful_widget(table, area, &mut state);
}

fn session_row<'a>(report: &'a Report, session: &'a Session) -> Row<'a> {
    let worst = of_session(report, session).next();
    let (mark, color) = mark(worst);
    Row::new([
        Cell::new(mark).style(Style::new().fg(color)),
        Cell::new(host(&session.client.address)),
        Cell::new(host(&session.server.address)),
        Cell::new(session.transport),
        Cell::new(packets_at(report, session, "lan")),
        Cell::new(packets_at(report, session, "wan")),
        Cell::new(worst.map_or("", |finding| finding.code)),
        Cell::new(session.state),
        Cell::new(format!("{}/{}", session.alg.action, session.alg.effect)),
    ])
}

/// The address without its port.
fn host(address: &str) -> &str {
    address.rsplit_once(':').map_or(address, |(host, _)| host)
}

/// Columns for the longest of these hosts.
fn host_width(report: &Report, address: fn(&Session) -> &str) -> u16 {
    let hosts = report.sessions.iter().map(|session| host(address(session)));
    let longest = hosts.map(|host| host.chars().count()).max().unwrap_or(0);
    longest.clamp(6, MAX_HOST_WIDTH) as u16
}

/// RTP packets of all media at the taps of a role; `–` without such a tap.
fn packets_at(report: &Report, session: &Session, role: &str) -> String {
    let of_role = |name: &str| {
        report
            .capture
            .taps
            .iter()
            .any(|tap| tap.name == name && tap.role == role)
    };
    let arrivals = session
        .media
        .iter()
        .flat_map(|media| &media.arrivals)
        .filter(|arrival| of_role(&arrival.tap));
    arrivals
        .map(|arrival| arrival.rtp.packets)
        .reduce(|sum, packets| sum + packets)
        .map_or_else(|| "–".to_owned(), |packets| packets.to_string())
}

fn draw_findings(frame: &mut Frame<'_>, area: Rect, report: &Report, selected: usize, live: bool) {
    let Some(session) = report.sessions.get(selected) else {
        let nothing = if live {
            "No RTSP session yet."
        } else {
            "No RTSP session in these captures."
        };
        let waiting = Paragraph::new(nothing).block(Block::new().borders(Borders::TOP));
        frame.render_widget(waiting, area);
        return;
    };
    let mut lines: Vec<Line<'_>> = Vec::new();
    for finding in of_session(report, session) {
        lines.extend(finding_lines(finding));
    }
    if lines.is_empty() {
        lines.push(Line::from("✓ nothing found that is wrong"));
    }
    let title = format!(" {} ", session.url.as_deref().unwrap_or("session"));
    let block = Block::new().borders(Borders::TOP).title(title);
    frame.render_widget(
        Paragraph::new(lines)
            .wrap(Wrap { trim: false })
            .block(block),
        area,
    );
}

fn finding_lines(finding: &Finding) -> Vec<Line<'_>> {
    let (mark, color) = mark(Some(finding));
    let mut lines = vec![Line::from(vec![
        Span::styled(format!("{mark} "), Style::new().fg(color)),
        Span::raw(finding.summary.as_str()),
        Span::styled(format!("  [{}]", finding.code), faint()),
    ])];
    lines.push(Line::from(format!("  {}", finding.cause)));
    let proofs = finding.evidence.iter().take(4).map(|proof| {
        let frame = proof
            .frame
            .map_or_else(String::new, |frame| format!(" #{frame}"));
        Line::styled(
            format!("  proof: {}{frame} {}", proof.tap, proof.note),
            faint(),
        )
    });
    lines.extend(proofs);
    lines.extend(
        finding
            .remedy
            .iter()
            .enumerate()
            .map(|(index, remedy)| Line::from(format!("  {}. {remedy}", index + 1))),
    );
    lines
}

fn of_session<'a>(report: &'a Report, session: &'a Session) -> impl Iterator<Item = &'a Finding> {
    report
        .findings
        .iter()
        .filter(|finding| finding.session == Some(session.id))
}

fn mark(finding: Option<&Finding>) -> (&'static str, Color) {
    match finding.map(|finding| finding.severity) {
        Some("error") => ("✗", Color::Red),
        Some("warning") => ("!", Color::Yellow),
        Some(_) => ("i", Color::Blue),
        None => ("✓", Color::Green),
    }
}

fn faint() -> Style {
    Style::new().add_modifier(Modifier::DIM)
}
