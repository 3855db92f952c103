//! What was agreed and what arrived of it at each tap.

use super::paragraph::columns;
use super::session::section;
use super::style::{Paint, Style};
use crate::output::json::{Arrival, Media, Report, Session};

/// Columns of the table besides the tap's.
const OTHER_COLUMNS: usize = 49;

/// RTP of a whole session at one tap.
pub(super) struct Count<'a> {
    pub tap: &'a str,
    pub packets: u64,
    /// `None` where it is not known of some medium that arrived.
    pub lost: Option<u64>,
}

/// RTP of all media at each tap, the client's side first.
pub(super) fn totals<'a>(report: &'a Report, session: &'a Session) -> Vec<Count<'a>> {
    let mut counts: Vec<Count<'a>> = Vec::new();
    for arrival in session.media.iter().flat_map(|media| &media.arrivals) {
        let lost = if arrival.rtp.packets == 0 {
            Some(0)
        } else {
            arrival.rtp.lost
        };
        match counts.iter_mut().find(|count| count.tap == arrival.tap) {
            Some(count) => {
                count.packets += arrival.rtp.packets;
                count.lost = count.lost.zip(lost).map(|(sum, lost)| sum + lost);
            }
            None => counts.push(Count {
                tap: &arrival.tap,
                packets: arrival.rtp.packets,
                lost,
            }),
        }
    }
    counts.retain(|count| report.capture.taps.iter().any(|tap| tap.name == count.tap));
    counts
}

/// What the two ends agreed on, or what the client asked for in vain; a line per medium.
pub(super) fn write_agreed(out: &mut String, session: &Session, style: &Style) {
    for media in &session.media {
        let label = if media.set_up { "Agreed" } else { "Asked" };
        out.push_str(&section(label, &agreed(media), style));
    }
}

fn agreed(media: &Media) -> String {
    let negotiated = &media.negotiated;
    let mut parts = vec![name(media)];
    if let Some([rtp, rtcp]) = negotiated.channels {
        parts.push(format!("channels {rtp} and {rtcp} of the RTSP connection"));
    }
    if let Some(ports) = pair(negotiated.client_rtp_port, negotiated.client_rtcp_port) {
        parts.push(format!("to client port {ports}"));
    }
    if let Some(ports) = pair(negotiated.server_rtp_port, negotiated.server_rtcp_port) {
        parts.push(format!("from server port {ports}"));
    }
    if let Some(destination) = &negotiated.destination {
        parts.push(format!("destination {destination}"));
    }
    if let Some(source) = &negotiated.source {
        parts.push(format!("source {source}"));
    }
    if parts.len() == 1 {
        parts.push("of which no SETUP is in the capture".to_owned());
    }
    parts.join(", ")
}

fn name(media: &Media) -> String {
    let kind = media.kind.as_deref().unwrap_or("medium");
    match (&media.encoding, media.clock_rate) {
        (Some(encoding), Some(rate)) => format!("{kind} {encoding}/{rate}"),
        (Some(encoding), None) => format!("{kind} {encoding}"),
        (None, _) => kind.to_owned(),
    }
}

fn pair(first: Option<u16>, second: Option<u16>) -> Option<String> {
    first
        .map(|first| second.map_or_else(|| first.to_string(), |second| format!("{first}-{second}")))
}

/// A table with a row per medium and tap.
pub(super) fn write(out: &mut String, report: &Report, session: &Session, style: &Style) {
    let rows: Vec<(&Media, &Arrival)> = session
        .media
        .iter()
        .flat_map(|media| media.arrivals.iter().map(move |arrival| (media, arrival)))
        .collect();
    if rows.is_empty() {
        return;
    }
    let room = style.width.saturating_sub(OTHER_COLUMNS);
    let tap_width = rows
        .iter()
        .map(|(_, arrival)| columns(&tap(report, arrival)))
        .max()
        .unwrap_or(0)
        .clamp(3, room);
    let head = format!(
        "  {:<7} {:<tap_width$} {:>8} {:>6} {:>5} {:>8} {:>6}",
        "Arrived", "tap", "RTP", "lost", "dup.", "jitter", "RTCP"
    );
    out.push_str(&style.paint(Paint::Faint, &head));
    out.push('\n');
    let several = session
        .media
        .iter()
        .filter(|media| !media.arrivals.is_empty())
        .count()
        > 1;
    for (media, arrival) in rows {
        let rtp = &arrival.rtp;
        let label = if several {
            media.kind.as_deref().unwrap_or("medium")
        } else {
            ""
        };
        let number =
            |value: Option<u64>| value.map_or_else(|| "–".to_owned(), |value| value.to_string());
        let jitter = rtp
            .jitter_ms
            .map_or_else(|| "–".to_owned(), |jitter| format!("{jitter:.1} ms"));
        let seen = |value: Option<u64>| if rtp.packets == 0 { None } else { value };
        let label: String = label.chars().take(7).collect();
        let row = format!(
            "  {label:<7} {:<tap_width$} {:>8} {:>6} {:>5} {jitter:>8} {:>6}",
            shortened(&tap(report, arrival), tap_width),
            rtp.packets,
            number(seen(rtp.lost)),
            number(seen(rtp.duplicates)),
            arrival.rtcp.packets,
        );
        let missing = rtp.packets == 0;
        out.push_str(&if missing {
            style.paint(Paint::Bad, &row)
        } else {
            row
        });
        out.push('\n');
    }
}

/// The tap with its side of the router, where that is known.
fn tap(report: &Report, arrival: &Arrival) -> String {
    let role = report
        .capture
        .taps
        .iter()
        .find(|tap| tap.name == arrival.tap)
        .map_or("unknown", |tap| tap.role);
    if role == "unknown" {
        arrival.tap.clone()
    } else {
        format!("{} {}", role.to_uppercase(), arrival.tap)
    }
}

/// A name that fits: its middle is left out, because names of captures differ at their ends.
fn shortened(name: &str, width: usize) -> String {
    let len = columns(name);
    if len <= width {
        return name.to_owned();
    }
    let kept = width.saturating_sub(1);
    let front: String = name.chars().take(kept / 2).collect();
    let back: String = name.chars().skip(len - (kept - kept / 2)).collect();
    format!("{front}…{back}")
}
