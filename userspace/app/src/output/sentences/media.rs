//! What was agreed of a session's media, and what arrived of them at each tap.

use super::Standing;
use crate::output::json::{Arrival, Media, Report, Session};

/// Media of a whole session at one tap, beside one leg.
pub(super) struct Count<'a> {
    /// The first that was counted there.
    pub(super) place: &'a Arrival,
    pub(super) packets: u64,
    /// Those of them that were not there before.
    pub(super) distinct: u64,
    /// `None` where it is not known of some medium that arrived.
    pub(super) lost: Option<u64>,
}

/// All media that one end sends, at each tap, the client's side first. What a later SETUP took the place of counts only where
/// nothing came of that.
pub(super) fn totals<'a>(
    report: &'a Report,
    session: &'a Session,
    from_client: bool,
) -> Vec<Count<'a>> {
    let mut counts: Vec<Count<'a>> = Vec::new();
    let own = session.media.iter();
    let own = own.filter(|media| is_from_client(media) == from_client);
    let came = |media: &Media| media.arrivals.iter().any(|arrival| arrival.rtp.packets > 0);
    let mut current = own.clone().filter(|media| !media.superseded);
    let all = !current.any(came);
    let own = own.filter(|media| all || !media.superseded);
    for arrival in own.flat_map(|media| &media.arrivals) {
        let lost = if arrival.rtp.packets == 0 {
            Some(0)
        } else {
            arrival.rtp.lost
        };
        let packets = arrival.rtp.packets;
        let distinct = packets.saturating_sub(arrival.rtp.duplicates.unwrap_or(0));
        let is_same = |count: &&mut Count<'_>| {
            (&count.place.tap, count.place.leg) == (&arrival.tap, arrival.leg)
        };
        match counts.iter_mut().find(is_same) {
            Some(count) => {
                count.packets += packets;
                count.distinct += distinct;
                count.lost = count.lost.zip(lost).map(|(sum, lost)| sum + lost);
            }
            None => counts.push(Count {
                place: arrival,
                packets,
                distinct,
                lost,
            }),
        }
    }
    let taps = &report.capture.taps;
    counts.retain(|count| taps.iter().any(|tap| tap.name == count.place.tap));
    counts
}

/// Packets of a session after which a picture or a sound of which nothing came is missed: all media begin together.
const BEGUN: u64 = 20;

/// The kinds of what was agreed on, or refused as a finding says, and had not one packet where other media of the session arrived.
/// Other data than picture and sound may have nothing to say.
pub(super) fn absent<'a>(
    report: &Report,
    session: &'a Session,
    at: Option<&Arrival>,
    from_client: bool,
) -> Vec<&'a str> {
    let Some(at) = at else {
        return Vec::new();
    };
    let packets = |media: &Media| {
        let arrivals = media.arrivals.iter();
        let here = arrivals.filter(|arrival| (&arrival.tap, arrival.leg) == (&at.tap, at.leg));
        here.map(|arrival| arrival.rtp.packets).sum::<u64>()
    };
    let own = session.media.iter().enumerate();
    let own = own.filter(|(index, media)| {
        let is_asked = media.set_up || is_refused(report, session, *index);
        is_asked && !media.superseded && is_from_client(media) == from_client
    });
    let own = own.map(|(_, media)| media);
    if own.clone().map(packets).sum::<u64>() < BEGUN {
        return Vec::new();
    }
    let silent = own.filter(|media| packets(media) == 0);
    let kinds = silent.filter_map(|media| media.kind.as_deref());
    kinds
        .filter(|kind| matches!(*kind, "video" | "audio"))
        .collect()
}

/// Whether a finding says that the server refused the medium alone.
fn is_refused(report: &Report, session: &Session, index: usize) -> bool {
    let refusals = ["request-refused", "transport-refused", "server-busy"];
    report.findings.iter().any(|finding| {
        (finding.session, finding.media) == (Some(session.id), Some(index))
            && refusals.contains(&finding.code)
    })
}

/// Whether the client sends the medium: a recording, or a back channel to a camera.
pub(in crate::output) fn is_from_client(media: &Media) -> bool {
    media.direction == "from-client"
}

/// What the packets of these media are called together.
pub(in crate::output) fn unit<'a>(media: impl Iterator<Item = &'a Media>) -> &'static str {
    let (mut rtp, mut raw, mut raw_unit) = (false, false, "datagrams");
    for medium in media {
        let some = medium
            .arrivals
            .iter()
            .any(|arrival| arrival.rtp.packets > 0);
        rtp |= some && medium.is_rtp;
        raw |= some && !medium.is_rtp;
        if some && !medium.is_rtp {
            raw_unit = unit_of(medium);
        }
    }
    match (rtp, raw) {
        (_, false) => "RTP packets",
        (false, true) => raw_unit,
        (true, true) => "packets",
    }
}

/// What the packets of a medium are called that is carried without RTP.
const fn unit_of(media: &Media) -> &'static str {
    match media.negotiated.channels {
        Some(_) => "frames",
        None => "datagrams",
    }
}

/// The head of the column that counts a session's packets.
pub(in crate::output) fn counted(session: &Session) -> &'static str {
    match unit(session.media.iter()) {
        "RTP packets" => "RTP",
        _ => "packets",
    }
}

/// Whether the two ends agreed on a medium, or the client asked for it in vain, or it was only seen.
pub(in crate::output) const fn agreement(media: &Media) -> &'static str {
    if media.superseded {
        return "Earlier";
    }
    match (media.set_up, media.inferred_from.is_empty()) {
        (true, _) => "Agreed",
        (false, true) => "Asked",
        (false, false) => "Seen",
    }
}

/// What the two ends agreed on, or what the client asked for in vain.
pub(in crate::output) fn agreed(media: &Media) -> String {
    let negotiated = &media.negotiated;
    let mut parts = vec![name(media)];
    if let Some([rtp, rtcp]) = negotiated.channels {
        parts.push(format!("channels {rtp} and {rtcp} of the RTSP connection"));
    }
    let [to_client, from_server] = if is_from_client(media) {
        ["from client port", "to server port"]
    } else {
        ["to client port", "from server port"]
    };
    if let Some(ports) = pair(negotiated.client_rtp_port, negotiated.client_rtcp_port) {
        parts.push(format!("{to_client} {ports}"));
    }
    if let Some(ports) = pair(negotiated.server_rtp_port, negotiated.server_rtcp_port) {
        parts.push(format!("{from_server} {ports}"));
    }
    if let Some(destination) = &negotiated.destination {
        parts.push(format!("destination {destination}"));
    }
    if let Some(source) = &negotiated.source {
        parts.push(format!("source {source}"));
    }
    if !media.inferred_from.is_empty() {
        let signs: Vec<&str> = media.inferred_from.iter().map(|sign| told(sign)).collect();
        parts.push(format!("of which only packets tell: {}", signs.join(", ")));
    } else if parts.len() == 1 && media.set_up {
        parts.push("of which the SETUP names no transport".to_owned());
    } else if parts.len() == 1 {
        parts.push("of which no SETUP is in the capture".to_owned());
    }
    parts.join(", ")
}

/// What speaks for media without a message.
fn told(sign: &str) -> &str {
    match sign {
        "rtp-sequence" => "RTP in sequence",
        "same-hosts" => "between the hosts of this connection and of no other",
        "same-source" => "the same source at both taps",
        "reports" => "reports beside it",
        "rtp-info" => "named by RTP-Info",
        other => other,
    }
}

fn name(media: &Media) -> String {
    let kind = kind(media);
    let name = match (&media.encoding, media.clock_rate) {
        (Some(encoding), Some(rate)) => format!("{kind} {encoding}/{rate}"),
        (Some(encoding), None) => format!("{kind} {encoding}"),
        (None, _) => kind.to_owned(),
    };
    if is_from_client(media) {
        format!("{name} from the client ({FROM_CLIENT})")
    } else {
        name
    }
}

/// Marks a medium that goes the other way than most.
const FROM_CLIENT: &str = "↑";

fn kind(media: &Media) -> &str {
    media.kind.as_deref().unwrap_or("medium")
}

fn pair(first: Option<u16>, second: Option<u16>) -> Option<String> {
    first
        .map(|first| second.map_or_else(|| first.to_string(), |second| format!("{first}-{second}")))
}

/// What came of one medium at one tap, as cells of a table.
pub(in crate::output) struct Row {
    /// The medium's kind, marked where the client sends it and where a later SETUP took its place.
    pub(in crate::output) kind: String,
    pub(in crate::output) tap: String,
    pub(in crate::output) packets: u64,
    pub(in crate::output) lost: String,
    pub(in crate::output) duplicates: String,
    pub(in crate::output) jitter: String,
    pub(in crate::output) rtcp: u64,
    /// What the packets are called where they stand alone.
    pub(in crate::output) unit: &'static str,
    /// Nothing came although it should have.
    pub(in crate::output) is_missing: bool,
    /// What happened between this tap and the next one towards the server.
    pub(in crate::output) broken: Option<Break>,
}

/// Where on its way a medium was lost.
pub(in crate::output) struct Break {
    pub(in crate::output) standing: Standing,
    pub(in crate::output) text: String,
}

/// A row per medium and tap.
pub(in crate::output) fn rows(report: &Report, session: &Session) -> Vec<Row> {
    let mut rows = Vec::new();
    for media in &session.media {
        let farther = media.arrivals.iter().skip(1).map(Some).chain([None]);
        for (arrival, farther) in media.arrivals.iter().zip(farther) {
            let ends = farther.map(|farther| {
                if is_from_client(media) {
                    [farther, arrival]
                } else {
                    [arrival, farther]
                }
            });
            let broken = ends.and_then(|ends| broken(report, session, media, ends));
            rows.push(Row {
                broken,
                ..row((report, session), media, arrival)
            });
        }
    }
    rows
}

/// What came to the tap nearer to the sender (`from`) and not to the other; taps beside the path tell nothing of it.
fn broken(
    report: &Report,
    session: &Session,
    media: &Media,
    [to, from]: [&Arrival; 2],
) -> Option<Break> {
    let on_path = |arrival: &Arrival| session.legs.iter().any(|leg| leg.tap == arrival.tap);
    if !on_path(to) || !on_path(from) || from.rtp.packets == 0 {
        return None;
    }
    let name = |arrival: &Arrival| super::short_place(report, session, arrival);
    let (to_name, from_name) = (name(to), name(from));
    if to.rtp.packets == 0 {
        let matter = if media.is_rtp { "RTP" } else { "media" };
        return Some(Break {
            standing: Standing::Bad,
            text: format!("broken here: {matter} came to {from_name} and never to {to_name}"),
        });
    }
    let lost = to.rtp.lost.zip(from.rtp.lost);
    let lost = lost.map_or(0, |(to, from)| to.saturating_sub(from));
    (lost > 0).then(|| Break {
        standing: Standing::Doubtful,
        text: format!("{lost} lost between {from_name} and {to_name}"),
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

fn row((report, session): (&Report, &Session), media: &Media, arrival: &Arrival) -> Row {
    let rtp = &arrival.rtp;
    let unknown = || "–".to_owned();
    let seen = |value: Option<u64>| {
        let value = value.filter(|_| rtp.packets > 0);
        value.map_or_else(unknown, |value| value.to_string())
    };
    // A client that has nothing to say is no fault.
    let is_awaited = || {
        let mut arrivals = media.arrivals.iter();
        !is_from_client(media) || arrivals.any(|arrival| arrival.rtp.packets > 0)
    };
    let mark = if is_from_client(media) {
        format!(" {FROM_CLIENT}")
    } else {
        String::new()
    };
    let earlier = if media.superseded { "earlier " } else { "" };
    Row {
        kind: format!("{earlier}{}{mark}", kind(media)),
        unit: if media.is_rtp { "RTP" } else { unit_of(media) },
        is_missing: rtp.packets == 0 && is_awaited(),
        tap: match super::end(session, arrival) {
            Some(end) => format!("{}, {end}", super::tap(report, &arrival.tap)),
            None => super::tap(report, &arrival.tap),
        },
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
