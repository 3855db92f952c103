//! One session: what it is, the verdict, and the sections behind it.

use super::findings::{self, is_of};
use super::paragraph::columns;
use super::style::{Paint, Style};
use super::{arrived, differs, wrap};
use crate::output::json::{Report, Session};

/// Between the parts of a heading.
const GAP: &str = "   ";

pub(super) fn write(out: &mut String, report: &Report, session: &Session, style: &Style) {
    heading(out, session, style);
    let mut of_session: Vec<_> = report
        .findings
        .iter()
        .filter(|finding| is_of(finding, session))
        .collect();
    if of_session.iter().all(|finding| finding.severity != "error") {
        let verdict = verdict(report, session);
        out.push_str(&wrap(
            &format!("{} ", style.paint(verdict.paint, verdict.mark)),
            "  ",
            &verdict.text,
            style.width,
        ));
    }
    of_session.sort_by_key(|finding| match finding.severity {
        "error" => 0,
        "warning" => 1,
        _ => 2,
    });
    findings::write(out, &of_session, style);
    arrived::write_agreed(out, session, style);
    arrived::write(out, report, session, style);
    differs::write(out, session, style);
    alg(out, session, style);
    findings::write_remedies(out, &of_session, style);
}

/// Says in one line which session this is; breaks between its parts.
fn heading(out: &mut String, session: &Session, style: &Style) {
    let url = session
        .url
        .as_deref()
        .unwrap_or(if session.transport == "tls" {
            "encrypted session"
        } else {
            "RTSP session"
        });
    let mut parts = vec![format!(
        "{} → {}",
        host(&session.client.address),
        host(&session.server.address)
    )];
    parts.extend(session.client.user_agent.clone());
    parts.push(match session.transport {
        "udp" => "UDP".to_owned(),
        "tcp" => "TCP interleaved".to_owned(),
        "multicast" => "multicast".to_owned(),
        "http-tunnel" => "HTTP tunnel".to_owned(),
        "tls" => "TLS".to_owned(),
        _ => "no transport agreed".to_owned(),
    });
    let start = time_of_day(&session.started_at);
    parts.push(session.ended_at.as_deref().map_or_else(
        || start.clone(),
        |end| format!("{start}–{}", time_of_day(end)),
    ));
    out.push_str(&style.paint(Paint::Strong, url));
    let mut column = columns(url);
    for part in parts {
        if column + GAP.len() + columns(&part) > style.width {
            out.push_str("\n  ");
            column = 2;
        } else {
            out.push_str(GAP);
            column += GAP.len();
        }
        out.push_str(&part);
        column += columns(&part);
    }
    out.push('\n');
}

struct Verdict {
    mark: &'static str,
    paint: Paint,
    text: String,
}

/// The verdict where nothing is wrong or nothing can be judged.
fn verdict(report: &Report, session: &Session) -> Verdict {
    let doubtful = |text: &str| Verdict {
        mark: "!",
        paint: Paint::Doubtful,
        text: text.to_owned(),
    };
    if session.transport == "tls" {
        return doubtful("Cannot judge: the connection is encrypted.");
    }
    let counts = arrived::totals(report, session);
    let inside = counts.first().filter(|count| count.packets > 0);
    let Some(_) = inside else {
        return match session.state {
            "negotiating" => doubtful("Not playing: no PLAY was accepted in this capture."),
            "failed" => doubtful("Never played."),
            _ if counts.iter().any(|count| count.packets > 0) => {
                doubtful("Media was seen, but not at the client's side.")
            }
            _ => doubtful("Cannot judge: no media of this session is in the capture."),
        };
    };
    let lost: Option<u64> = counts.iter().map(|count| count.lost).sum();
    let places = counts.iter().enumerate().map(|(index, count)| {
        let unit = if index == 0 { " RTP packets" } else { "" };
        format!("{}{unit} at {}", count.packets, count.tap)
    });
    let lost = match lost {
        Some(0) => ", none lost".to_owned(),
        Some(lost) => format!(", {lost} lost"),
        None => String::new(),
    };
    let text = format!(
        "Media arrives: {}{lost}",
        places.collect::<Vec<_>>().join(", ")
    );
    if !inside_was_seen(report, session) {
        return doubtful(&format!(
            "Media is seen: {}; whether it reaches the player is not in this capture.",
            text.trim_start_matches("Media arrives: ")
        ));
    }
    if session.alg.effect == "damaged" {
        return doubtful(&format!(
            "{text}; but the router's change broke the session or part of it."
        ));
    }
    let text = text + ".";
    Verdict {
        mark: "✓",
        paint: Paint::Good,
        text,
    }
}

/// Whether a tap on the client's side of the router saw the session: with both legs one of them is.
fn inside_was_seen(report: &Report, session: &Session) -> bool {
    let role = |name: &str| {
        let tap = report.capture.taps.iter().find(|tap| tap.name == name);
        tap.map_or("unknown", |tap| tap.role)
    };
    session.legs.len() > 1 || session.legs.iter().any(|leg| role(&leg.tap) == "lan")
}

fn alg(out: &mut String, session: &Session, style: &Style) {
    let action = match session.alg.action {
        "none" => "no ALG acted on this session",
        "pinhole" => "an ALG or UPnP opened the way in without touching the text",
        "rewrite" if session.nat.rewrites.is_empty() => {
            "a message entered the router and never left it"
        }
        "rewrite" => "a message was rewritten between the taps",
        "proxy" => "the router ends the connection and opens its own",
        _ => "cannot judge what an ALG did",
    };
    let effect = match session.alg.effect {
        "harmless" => "that did no harm",
        "helped" => "that let the media in",
        "damaged" => "that broke the session or part of it",
        "missing" => "media was lost for want of one",
        _ => "its effect cannot be judged",
    };
    let text = match (session.alg.action, session.alg.effect) {
        ("unknown", "unknown") => format!("{action} (unknown)"),
        ("none", "harmless") => {
            "no ALG acted on this session, and none was needed (none, harmless)".to_owned()
        }
        (action_name, effect_name) => format!("{action}; {effect} ({action_name}, {effect_name})"),
    };
    out.push_str(&section("ALG", &text, style));
}

/// A paragraph behind a label.
pub(super) fn section(label: &str, text: &str, style: &Style) -> String {
    let wrapped = wrap(&format!("  {label:<7} "), "          ", text, style.width);
    wrapped.replacen(label, &style.paint(Paint::Faint, label), 1)
}

/// The address without its port.
fn host(address: &str) -> &str {
    address.rsplit_once(':').map_or(address, |(host, _)| host)
}

fn time_of_day(at: &str) -> String {
    at.get(11..19).unwrap_or(at).to_owned()
}
