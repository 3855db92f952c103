//! What is said of a session as a whole: which it is, how it stands, what an ALG did to it.

use rtspscope_wire::{Spanned, url};

use super::{Standing, media};
use crate::output::json::{Mapping, Media, Report, Session};

/// The session's URL, or what it is where no URL can be read.
pub(in crate::output) fn title(session: &Session) -> &str {
    let nameless = if session.transport == "tls" {
        "encrypted session"
    } else {
        "RTSP session"
    };
    session.url.as_deref().unwrap_or(nameless)
}

/// From where to where.
pub(in crate::output) fn ends(session: &Session) -> String {
    format!(
        "{} → {}",
        host(&session.client.address),
        host(&session.server.address)
    )
}

/// What carries the media.
pub(in crate::output) fn transport(session: &Session) -> &'static str {
    match session.transport {
        "udp" => "UDP",
        "tcp" => "TCP interleaved",
        "multicast" => "multicast",
        "http-tunnel" => "HTTP tunnel",
        "tls" => "TLS",
        _ => "no transport agreed",
    }
}

/// From when to when, in UTC.
pub(in crate::output) fn times(session: &Session) -> String {
    let start = time_of_day(&session.started_at);
    match session.ended_at.as_deref() {
        Some(end) => format!("{start}–{}", time_of_day(end)),
        None => start.to_owned(),
    }
}

/// How a session stands.
pub(in crate::output) struct Verdict {
    pub(in crate::output) standing: Standing,
    pub(in crate::output) text: String,
}

/// The verdict where nothing is wrong or nothing can be judged; where a finding is an error, that says it.
pub(in crate::output) fn verdict(report: &Report, session: &Session) -> Option<Verdict> {
    let is_broken = report
        .findings
        .iter()
        .any(|finding| finding.session == Some(session.id) && finding.severity == "error");
    (!is_broken).then(|| unbroken(report, session))
}

/// How a session stands as a whole.
pub(in crate::output) fn standing(report: &Report, session: &Session) -> Standing {
    verdict(report, session).map_or(Standing::Bad, |verdict| verdict.standing)
}

/// The word for how a session stands.
pub(in crate::output) const fn word(standing: Standing) -> &'static str {
    match standing {
        Standing::Bad => "broken",
        Standing::Doubtful => "in doubt",
        Standing::Good | Standing::Remark => "in order",
    }
}

/// How many sessions stand how, the worst first; only what there is.
pub(in crate::output) fn counts(report: &Report) -> Vec<(Standing, usize)> {
    let mut counts = [Standing::Bad, Standing::Doubtful, Standing::Good].map(|way| (way, 0));
    for session in &report.sessions {
        let standing = standing(report, session);
        if let Some((_, count)) = counts.iter_mut().find(|(way, _)| *way == standing) {
            *count += 1;
        }
    }
    counts.into_iter().filter(|(_, count)| *count > 0).collect()
}

/// Indices of the `most` worst sessions, in their own order.
pub(in crate::output) fn worst(report: &Report, most: usize) -> Vec<usize> {
    let mut indices: Vec<usize> = (0..report.sessions.len()).collect();
    if indices.len() > most {
        indices.sort_by_cached_key(|index| match standing(report, &report.sessions[*index]) {
            Standing::Bad => 0,
            Standing::Doubtful => 1,
            Standing::Remark | Standing::Good => 2,
        });
        indices.truncate(most);
        indices.sort_unstable();
    }
    indices
}

fn unbroken(report: &Report, session: &Session) -> Verdict {
    let doubtful = |text: &str| Verdict {
        standing: Standing::Doubtful,
        text: text.to_owned(),
    };
    if session.transport == "tls" {
        return doubtful("Cannot judge: the connection is encrypted.");
    }
    let goes_out = sends_only(session);
    let counts = media::totals(report, session, goes_out);
    let [reached, missing] = if goes_out {
        [
            counts.last(),
            counts.first().filter(|count| count.packets > 0),
        ]
    } else {
        [
            counts.first(),
            counts.iter().find(|count| count.packets > 0),
        ]
    };
    if reached.is_none_or(|count| count.packets == 0) {
        return match session.state {
            "negotiating" if goes_out => doubtful(&format!(
                "Not recording: no RECORD was accepted in this capture{}.",
                because(session, "; ")
            )),
            "negotiating" => doubtful(&format!(
                "Not playing: no PLAY was accepted in this capture{}.",
                because(session, "; ")
            )),
            "failed" => doubtful(&format!("Never played{}.", because(session, ": "))),
            _ if missing.is_some() && goes_out => {
                doubtful("The client's media was seen, but not at the server's side.")
            }
            _ if missing.is_some() => doubtful("Media was seen, but not at the client's side."),
            _ => doubtful(&format!(
                "Cannot judge: no media of this session is in the capture{}.",
                besides(report, session, goes_out)
            )),
        };
    }
    let seen = seen(report, session, &counts, goes_out);
    let (end, arrives) = if goes_out {
        ("server", "Media goes out")
    } else {
        ("player", "Media arrives")
    };
    if !end_was_seen(report, session, goes_out) {
        return doubtful(&format!(
            "Media is seen: {seen}; whether it reaches the {end} is not in this capture."
        ));
    }
    if session.alg.effect == "damaged" {
        return doubtful(&format!(
            "{arrives}: {seen}; but the router's change broke the session or part of it."
        ));
    }
    let absent = media::absent(report, session, reached.map(|count| count.place), goes_out);
    if !absent.is_empty() {
        return doubtful(&format!(
            "{arrives} in part, without {}: {seen}.",
            absent.join(" and ")
        ));
    }
    let of_session = || {
        let findings = report.findings.iter();
        findings.filter(|finding| finding.session == Some(session.id))
    };
    let is_in_force = |index: usize| {
        let media = session.media.get(index);
        media.is_some_and(|media| !media.superseded)
    };
    let of_media = |code: &str| {
        of_session().any(|finding| finding.code == code && finding.media.is_some_and(is_in_force))
    };
    if of_media("nat-port-randomised") {
        return doubtful(&format!(
            "Media is seen: {seen}; whether it gets through the NAT before the {end} is not in this capture."
        ));
    }
    if of_media("rtp-stalled") {
        return doubtful(&format!("{arrives}, then stops: {seen}."));
    }
    if of_session().any(|finding| finding.code == "rtp-loss") {
        return doubtful(&format!("{arrives}, but not whole: {seen}."));
    }
    Verdict {
        standing: Standing::Good,
        text: format!("{arrives}: {seen}."),
    }
}

/// What came instead of media, and what that leaves open.
fn besides(report: &Report, session: &Session, goes_out: bool) -> String {
    let arrivals = session.media.iter().flat_map(|media| &media.arrivals);
    let reports: u64 = arrivals.map(|arrival| arrival.rtcp.packets).sum();
    let open = if !goes_out && end_was_seen(report, session, goes_out) {
        "; whether the server sent any is seen only on its side of the router"
    } else {
        ""
    };
    match reports {
        0 => open.to_owned(),
        1 => format!(", though an RTCP packet is{open}"),
        reports => format!(", though {reports} RTCP packets are{open}"),
    }
}

/// What the server refused, after a mark; empty where it refused nothing.
fn because(session: &Session, mark: &str) -> String {
    session
        .refused
        .as_ref()
        .map_or_else(String::new, |refused| {
            let means = meaning(refused.status).map(|words| format!(" ({words})"));
            let elsewhere = refused.location.as_deref().map(|location| {
                let place = if is_at_same_server(session, location) {
                    "at the same server"
                } else {
                    "that is another connection"
                };
                format!(", and the player was sent to {location}: {place}")
            });
            format!(
                "{mark}{} was answered {}{}{}",
                refused.method,
                refused.status,
                means.unwrap_or_default(),
                elsewhere.unwrap_or_default()
            )
        })
}

/// Whether a URL names the host and port that the session's own URL or its server's address has.
fn is_at_same_server(session: &Session, location: &str) -> bool {
    let ends = |text: &str| {
        let url = url::split(Spanned::new(text.as_bytes(), 0))?;
        let host = url.host.text().to_ascii_lowercase();
        Some((host, url.port_or_default()))
    };
    let named = ends(location);
    let asked = session.url.as_deref().and_then(ends);
    named.is_some() && [asked, ends(&session.server.address)].contains(&named)
}

/// What a status code means (RFC 2326 §7.1.1), where a server refuses media with it. Its own words are a stranger's.
const fn meaning(status: u16) -> Option<&'static str> {
    Some(match status {
        301 => "Moved Permanently",
        302 => "Moved Temporarily",
        303 => "See Other",
        305 => "Use Proxy",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        451 => "Parameter Not Understood",
        453 => "Not Enough Bandwidth",
        454 => "Session Not Found",
        455 => "Method Not Valid in This State",
        456 => "Header Field Not Valid for Resource",
        457 => "Invalid Range",
        459 => "Aggregate Operation Not Allowed",
        460 => "Only Aggregate Operation Allowed",
        461 => "Unsupported Transport",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        503 => "Service Unavailable",
        505 => "RTSP Version Not Supported",
        551 => "Option Not Supported",
        _ => return None,
    })
}

/// Whether the client sends all media of which anything was agreed: it records.
fn sends_only(session: &Session) -> bool {
    let is_there = |media: &&Media| media.set_up || !media.inferred_from.is_empty();
    let mut media = session.media.iter().filter(is_there).peekable();
    media.peek().is_some() && media.all(media::is_from_client)
}

/// What was counted at each tap.
fn seen(
    report: &Report,
    session: &Session,
    counts: &[media::Count<'_>],
    from_client: bool,
) -> String {
    let own = session.media.iter();
    let unit = media::unit(own.filter(|media| media::is_from_client(media) == from_client));
    // What is lost before one tap lacks at the next as well.
    let lost: Option<Vec<u64>> = counts.iter().map(|count| count.lost).collect();
    let lost = lost.map(|lost| lost.into_iter().max().unwrap_or(0));
    let places = counts.iter().enumerate().map(|(index, count)| {
        let unit = if index == 0 {
            format!(" {unit}")
        } else {
            String::new()
        };
        let place = super::short_place(report, session, count.place);
        format!("{}{unit} at {place}", count.packets)
    });
    let lost = match lost {
        Some(0) if differ(counts) => String::new(),
        Some(0) => ", none lost".to_owned(),
        Some(lost) => format!(", {lost} lost"),
        None => String::new(),
    };
    format!("{}{lost}", places.collect::<Vec<_>>().join(", "))
}

/// Packets by which two taps may differ at the beginning and at the end, where one of them watched a moment longer.
const AT_THE_ENDS: u64 = 10;

/// Whether one tap saw clearly more than another: then the numbers of each may be without a gap, and media lacks at the end
/// or at the beginning all the same.
fn differ(counts: &[media::Count<'_>]) -> bool {
    let seen = counts.iter().filter(|count| count.packets > 0);
    let distinct = seen.map(|count| count.distinct);
    let most = distinct.clone().max().unwrap_or(0);
    most - distinct.min().unwrap_or(0) >= AT_THE_ENDS
}

/// Whether a tap on the side of the router where media end saw the session: with both legs one of them is.
fn end_was_seen(report: &Report, session: &Session, goes_out: bool) -> bool {
    let role = |name: &str| {
        let tap = report.capture.taps.iter().find(|tap| tap.name == name);
        tap.map_or("unknown", |tap| tap.role)
    };
    let wanted = if goes_out { "wan" } else { "lan" };
    session.legs.len() > 1 || session.legs.iter().any(|leg| role(&leg.tap) == wanted)
}

/// What an ALG did and what came of it, with the contract's words behind it.
pub(in crate::output) fn alg(session: &Session) -> String {
    let action = match session.alg.action {
        "none" => "no ALG acted on this session",
        "pinhole" if opened_by_helper(session) => "the router's helper opened the way in",
        "pinhole" => "an ALG or UPnP opened the way in without touching the text",
        "rewrite" if adjusted(session) && session.nat.rewrites.is_empty() => {
            "the router's helper changed the length of a message"
        }
        "rewrite" if session.nat.rewrites.is_empty() && lengthened(session) => {
            "a message that the captures do not show whole changed its length in the router"
        }
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
    let judged = match (session.alg.action, session.alg.effect) {
        ("unknown", "unknown") => format!("{action} (unknown)"),
        ("unknown", "helped") => {
            "an ALG or UPnP let the media in; whether it changed the text cannot be judged (unknown, helped)".to_owned()
        }
        ("none", "harmless") if session.state == "failed" => {
            "no ALG acted on this session, and it did not fail for want of one (none, harmless)".to_owned()
        }
        ("none", "harmless") => {
            "no ALG acted on this session, and none was needed (none, harmless)".to_owned()
        }
        (action_name, effect_name) => format!("{action}; {effect} ({action_name}, {effect_name})"),
    };
    let helper = helper(session).map(|helper| format!("; {helper}"));
    let assignment = session.alg.assignment.as_ref();
    let assignment = assignment.map(|told| format!("; the router's setup: {}", told.told));
    [Some(judged), helper, assignment]
        .into_iter()
        .flatten()
        .collect()
}

fn opened_by_helper(session: &Session) -> bool {
    let expectations = session.alg.expectations.as_ref();
    expectations.is_some_and(|expectations| !expectations.is_empty())
}

/// Whether netfilter says that a helper changed the length of the text.
fn adjusted(session: &Session) -> bool {
    let mappings = session.nat.mappings.iter().flatten();
    mappings
        .into_iter()
        .any(|entry| entry.status.contains(&"seq-adjust"))
}

/// Whether the client's text is longer or shorter outside the router.
fn lengthened(session: &Session) -> bool {
    session.nat.sequence_delta.is_some_and(|delta| delta != 0)
}

/// What netfilter's own table says of a helper, where it shows one.
fn helper(session: &Session) -> Option<String> {
    let name = session.alg.helper.as_deref()?;
    let expected: Vec<&str> = session
        .alg
        .expectations
        .iter()
        .flatten()
        .map(|expectation| expectation.to.as_str())
        .collect();
    let mut told = format!("netfilter's own table: helper {name}");
    if expected.is_empty() {
        told.push_str(", which expects nothing");
    } else {
        told.push_str(", which expects media at ");
        told.push_str(&expected.join(" and "));
    }
    if adjusted(session) {
        told.push_str("; sequence numbers adjusted");
    }
    Some(told)
}

/// Flows of which [`mappings`] tells; a session rarely has more.
const SHOWN_MAPPINGS: usize = 8;

/// What netfilter's own table says of the session's connections; `None` where nobody listened.
pub(in crate::output) fn mappings(session: &Session) -> Option<String> {
    let mappings = session
        .nat
        .mappings
        .as_ref()
        .filter(|told| !told.is_empty())?;
    let mut told: Vec<String> = mappings.iter().take(SHOWN_MAPPINGS).map(mapping).collect();
    if mappings.len() > told.len() {
        told.push(format!("and {} more", mappings.len() - told.len()));
    }
    Some(told.join("; "))
}

fn mapping(entry: &Mapping) -> String {
    let Mapping {
        protocol,
        original,
        reply,
        ..
    } = entry;
    let mut told = format!("{protocol} {} to {}", original.from, original.to);
    let leaves_as = (original.from != reply.to).then(|| format!(" leaves as {}", reply.to));
    let goes_on_to = (original.to != reply.from).then(|| format!(" goes on to {}", reply.from));
    told.extend(leaves_as.into_iter().chain(goes_on_to));
    let offloaded = ["hw-offload", "offload"];
    let offloaded = offloaded.into_iter().find(|bit| entry.status.contains(bit));
    told.extend(offloaded.map(|bit| format!(", {bit}")));
    let time_out = entry.timeout_s.map(|secs| format!(", time-out {secs} s"));
    let ended = entry.ended_at.as_ref();
    let ended = ended.map(|at| format!(", ended {}", time_of_day(at)));
    told.extend(time_out.into_iter().chain(ended));
    told
}

/// The address without its port.
pub(in crate::output) fn host(address: &str) -> &str {
    address.rsplit_once(':').map_or(address, |(host, _)| host)
}

fn time_of_day(at: &str) -> &str {
    at.get(11..19).unwrap_or(at)
}
