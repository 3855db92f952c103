//! What was agreed of a session's media, and what arrived of them at each tap.

use super::Standing;
use crate::output::json::{Arrival, Media, Report, Session};

/// RTP of a whole session at one tap.
pub(super) struct Count<'a> {
    pub(super) tap: &'a str,
    pub(super) packets: u64,
    /// `None` where it is not known of some medium that arrived.
    pub(super) lost: Option<u64>,
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

/// Whether the two ends agreed on a medium, or the client asked for it in vain.
pub(in crate::output) const fn agreement(media: &Media) -> &'static str {
    if media.set_up { "Agreed" } else { "Asked" }
}

/// What the two ends agreed on, or what the client asked for in vain.
pub(in crate::output) fn agreed(media: &Media) -> String {
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
    let kind = kind(media);
    match (&media.encoding, media.clock_rate) {
        (Some(encoding), Some(rate)) => format!("{kind} {encoding}/{rate}"),
        (Some(encoding), None) => format!("{kind} {encoding}"),
        (None, _) => kind.to_owned(),
    }
}

fn kind(media: &Media) -> &str {
    media.kind.as_deref().unwrap_or("medium")
}

fn pair(first: Option<u16>, second: Option<u16>) -> Option<String> {
    first
        .map(|first| second.map_or_else(|| first.to_string(), |second| format!("{first}-{second}")))
}

/// What came of one medium at one tap, as cells of a table.
pub(in crate::output) struct Row<'a> {
    pub(in crate::output) kind: &'a str,
    pub(in crate::output) tap: String,
    pub(in crate::output) packets: u64,
    pub(in crate::output) lost: String,
    pub(in crate::output) duplicates: String,
    pub(in crate::output) jitter: String,
    pub(in crate::output) rtcp: u64,
    /// What happened between this tap and the next one towards the server.
    pub(in crate::output) broken: Option<Break>,
}

/// Where on its way from the server a medium was lost.
pub(in crate::output) struct Break {
    pub(in crate::output) standing: Standing,
    pub(in crate::output) text: String,
}

/// A row per medium and tap.
pub(in crate::output) fn rows<'a>(report: &Report, session: &'a Session) -> Vec<Row<'a>> {
    let mut rows = Vec::new();
    for media in &session.media {
        let farther = media.arrivals.iter().skip(1).map(Some).chain([None]);
        for (arrival, farther) in media.arrivals.iter().zip(farther) {
            let broken = farther.and_then(|farther| broken(report, session, arrival, farther));
            rows.push(Row {
                broken,
                ..row(report, media, arrival)
            });
        }
    }
    rows
}

/// What came to the tap farther from the client and not to the nearer one; taps beside the path tell nothing of it.
fn broken(report: &Report, session: &Session, near: &Arrival, far: &Arrival) -> Option<Break> {
    let on_path = |arrival: &Arrival| session.legs.iter().any(|leg| leg.tap == arrival.tap);
    if !on_path(near) || !on_path(far) || far.rtp.packets == 0 {
        return None;
    }
    let name = |arrival: &Arrival| super::short_tap(report, &arrival.tap);
    let (near_name, far_name) = (name(near), name(far));
    if near.rtp.packets == 0 {
        return Some(Break {
            standing: Standing::Bad,
            text: format!("broken here: RTP came to {far_name} and never to {near_name}"),
        });
    }
    let lost = near.rtp.lost.zip(far.rtp.lost);
    let lost = lost.map_or(0, |(near, far)| near.saturating_sub(far));
    (lost > 0).then(|| Break {
        standing: Standing::Doubtful,
        text: format!("{lost} lost between {far_name} and {near_name}"),
    })
}

/// Whether more than one medium could have arrived, so that rows need their medium's name.
pub(in crate::output) fn are_several(session: &Session) -> bool {
    let visible = session
        .media
        .iter()
        .filter(|media| !media.arrivals.is_empty());
    visible.count() > 1
}

fn row<'a>(report: &Report, media: &'a Media, arrival: &Arrival) -> Row<'a> {
    let rtp = &arrival.rtp;
    let unknown = || "–".to_owned();
    let seen = |value: Option<u64>| {
        let value = value.filter(|_| rtp.packets > 0);
        value.map_or_else(unknown, |value| value.to_string())
    };
    Row {
        kind: kind(media),
        tap: super::tap(report, &arrival.tap),
        packets: rtp.packets,
        lost: seen(rtp.lost),
        duplicates: seen(rtp.duplicates),
        jitter: rtp
            .jitter_ms
            .map_or_else(unknown, |jitter| format!("{jitter:.1} ms")),
        rtcp: arrival.rtcp.packets,
        broken: None,
    }
}
