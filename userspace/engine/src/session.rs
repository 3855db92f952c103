//! Puts sessions together from the connections at all taps.

use rtspscope_wire::{TapRole, Timestamp};

use crate::media;
use crate::model::{
    AlgJudgement, Exchange, Leg, MediaStream, Message, NatPair, Session, SessionState, Side, Tap,
    TransportKind,
};
use crate::nat::diff;
use crate::nat::pairing::Group;
use crate::reading;

mod sources;

pub(crate) use sources::{Source, may_be_link, sources};

/// Session timeout where the server names none (RFC 2326 §12.37).
const DEFAULT_TIMEOUT_SECS: u32 = 60;

/// A session of these legs, the one next to the client first; arrivals, judgement and what netfilter says come later.
pub(crate) fn session(
    legs: Vec<Leg>,
    sources: &[&Source<'_>],
    group: &Group,
    taps: &[Tap],
) -> Option<Session> {
    let views: Vec<&Leg> = legs.iter().collect();
    let (near, far) = (*views.first()?, *views.last()?);
    let mut media = media::media(&views);
    if media.is_empty() && near.began_before() {
        media = media::untold(channels(sources), views.len());
    }
    let tunnelled = sources.iter().any(|source| source.is_tunnel());
    Some(Session {
        id: 0,
        url: views.iter().find_map(|leg| url(leg)),
        state: state(&views, !media.is_empty()),
        client: near.client,
        user_agent: views
            .iter()
            .find_map(|leg| header(leg, Side::Client, "User-Agent")),
        server: far.server,
        server_name: views
            .iter()
            .find_map(|leg| header(leg, Side::Server, "Server")),
        transport: transport(near, &media, tunnelled),
        started_at: views.iter().map(|leg| leg.first.at).min()?,
        ended_at: ended_at(&views),
        timeout_secs: views.iter().find_map(|leg| timeout_secs(leg)),
        media,
        nat: nat_pair(&legs, group, taps),
        legs,
        alg: AlgJudgement::default(),
        netfilter: None,
    })
}

/// How the legs belong together; the user's word on the taps goes before what the addresses say.
fn nat_pair(legs: &[Leg], group: &Group, taps: &[Tap]) -> Option<NatPair> {
    if legs.len() < 2 || group.evidence.is_empty() {
        return None;
    }
    let tap_of = |leg: &Leg| taps.get(usize::from(leg.tap.0));
    let has_role = |leg: &Leg, role| tap_of(leg).is_some_and(|tap| tap.role == role);
    let at = |role: TapRole| legs.iter().position(|leg| has_role(leg, role));
    let (pre, post) = match (at(TapRole::Lan), at(TapRole::Wan)) {
        (Some(lan), Some(wan)) => (lan, wan),
        _ => (group.pre?, group.post?),
    };
    let (pre_leg, post_leg) = (legs.get(pre)?, legs.get(post)?);
    let both = [pre_leg, post_leg];
    let watched_until =
        both.map(|leg| tap_of(leg).map_or(leg.last.at, |tap| tap.watched_with(leg)));
    Some(NatPair {
        pre,
        post,
        evidence: group.evidence.clone(),
        proxied: group.proxied,
        sequence_delta: (!group.proxied)
            .then(|| sequence_delta(both, watched_until))
            .flatten(),
        rewrites: diff::compare(both, watched_until),
        client_translated: pre_leg.client != post_leg.client,
    })
}

/// Bytes by which the client's stream is longer at `post`, by the last request that both legs show. `None` where a leg
/// does not show how the stream begins: places in it count from there.
///
/// Where bytes are missing, or a tap may have stopped before the end of a request, its length is not known: the ends of the
/// streams tell, else where it begins.
fn sequence_delta([pre, post]: [&Leg; 2], watched_until: [Timestamp; 2]) -> Option<i64> {
    pre.client_isn.and(post.client_isn)?;
    let is_whole = pre.missing_bytes == 0 && post.missing_bytes == 0;
    let place = |request: &Message| i64::try_from(request.at.stream_offset?).ok();
    let len = |leg: &Leg, request: &Message, watched_until| {
        let is_known = is_whole && !diff::may_go_on(request, leg, watched_until);
        i64::try_from(request.raw.len()).ok().filter(|_| is_known)
    };
    let asked = |leg: &Leg, watched_until| {
        let own = leg
            .exchanges
            .iter()
            .filter(|exchange| exchange.by == Side::Client);
        own.filter_map(|exchange| {
            // A method may be garbled; one that is missing may have had the same number.
            let method = (!is_whole).then(|| exchange.method.clone());
            let request = exchange.request.as_ref()?;
            let len = len(leg, request, watched_until);
            Some(((exchange.cseq?, method), place(request)?, len))
        })
        .collect::<Vec<_>>()
    };
    let others = asked(post, watched_until[1]);
    let own = asked(pre, watched_until[0]);
    let last = own.into_iter().rev().find_map(|(name, place, len)| {
        let (_, twin, twin_len) = others.iter().rfind(|(other, ..)| *other == name)?;
        let grown = len.zip(*twin_len).map_or(0, |(len, twin)| twin - len);
        Some(twin - place + grown)
    });
    let by_ends = || {
        let (pre, post) = (pre.client_sent?, post.client_sent?);
        i64::try_from(post).ok()?.checked_sub_unsigned(pre)
    };
    let told = if is_whole { last } else { by_ends().or(last) };
    // What cannot be read cannot be rewritten.
    told.or((pre.encrypted && post.encrypted).then_some(0))
}

/// Channels on which the server of any of these connections sent RTP.
fn channels(sources: &[&Source<'_>]) -> Vec<u8> {
    let records = sources.iter().map(|source| source.record);
    let used = records.map(|record| record.channels.with_media(1 - record.client()));
    used.max_by_key(Vec::len).unwrap_or_default()
}

/// How far the session came by what its legs show together: one tap may have missed its end, another its beginning.
fn state(legs: &[&Leg], has_media: bool) -> SessionState {
    let states = up_to_date(legs).map(|leg| state_at(leg, has_media));
    let states: Vec<SessionState> = states.collect();
    let shows = |state: SessionState| states.contains(&state);
    let plays = legs.iter().any(|leg| play_index(leg).is_some());
    match plays {
        true if shows(SessionState::Ended) || shows(SessionState::Failed) => SessionState::Ended,
        true if shows(SessionState::Playing) => SessionState::Playing,
        false if shows(SessionState::Failed) => SessionState::Failed,
        false if shows(SessionState::Ended) => SessionState::Ended,
        _ => {
            let near = states.first().copied();
            near.unwrap_or(SessionState::Negotiating)
        }
    }
}

/// The legs that tell how far the session is: not those that show its TEARDOWN and not what the leg next to the client shows
/// behind it, where the connection is used again.
fn up_to_date<'l>(legs: &'l [&'l Leg]) -> impl Iterator<Item = &'l Leg> {
    let near = legs.first().copied();
    let is_used_after = move |teardown: &Exchange| {
        let mut later = near.into_iter().flat_map(|near| near.exchanges.iter());
        later.any(|exchange| {
            (exchange.is("SETUP") || exchange.starts_media()) && exchange.cseq > teardown.cseq
        })
    };
    let own = legs.iter().copied().enumerate();
    own.filter(move |(index, leg)| {
        let mut exchanges = leg.exchanges.iter();
        let teardown = exchanges.rfind(|exchange| exchange.is("TEARDOWN"));
        *index == 0 || leg.closed.is_some() || !teardown.is_some_and(is_used_after)
    })
    .map(|(_, leg)| leg)
}

/// The last accepted PLAY or RECORD.
fn play_index(leg: &Leg) -> Option<usize> {
    let mut exchanges = leg.exchanges.iter();
    exchanges.rposition(|exchange| exchange.starts_media() && exchange.succeeded())
}

fn state_at(leg: &Leg, has_media: bool) -> SessionState {
    let played = play_index(leg);
    let torn_down = torn_down(leg, |_| true);
    match (played, torn_down) {
        (Some(played), torn_down)
            if leg.closed.is_none() && torn_down.is_none_or(|end| end < played) =>
        {
            SessionState::Playing
        }
        (Some(_), Some(end)) if leg.closed.is_none() && is_set_up_after(leg, end) => {
            SessionState::Negotiating
        }
        (Some(_), _) => SessionState::Ended,
        // A PLAY that the capture cannot show is not known to have failed.
        (None, _) if leg.closed.is_some() && hides_messages(leg) => SessionState::Ended,
        (None, Some(_)) if leg.began_before() => SessionState::Ended,
        (None, None) if leg.began_before() && has_media => SessionState::Playing,
        (None, _) if leg.closed.is_some() => SessionState::Failed,
        (None, _) => SessionState::Negotiating,
    }
}

/// The last TEARDOWN of this kind that ended all.
fn torn_down(leg: &Leg, counts: fn(&Exchange) -> bool) -> Option<usize> {
    let mut exchanges = leg.exchanges.iter();
    let any = exchanges.any(|exchange| exchange.is("TEARDOWN") && counts(exchange));
    any.then(|| media::Streams::of(&leg.exchanges).last_end(counts))?
}

/// Whether there may be messages that the capture does not show or that cannot be read.
fn hides_messages(leg: &Leg) -> bool {
    leg.encrypted || leg.may_hide_messages()
}

/// Whether the connection is used again behind the exchange with this index.
fn is_set_up_after(leg: &Leg, index: usize) -> bool {
    let mut later = leg.exchanges.iter().skip(index + 1);
    later.any(|exchange| exchange.is("SETUP") && exchange.succeeded())
}

/// Says of a session that is over and whose media came that it played: its PLAY may have gone by a connection of its own, or
/// be missing in the capture.
pub(crate) fn settle(session: &mut Session) {
    let mut arrivals = session.media.iter().flat_map(|media| &media.arrivals);
    let came = arrivals.any(|arrival| arrival.rtp.packets >= SURE_PACKETS);
    if session.state == SessionState::Failed && came {
        session.state = SessionState::Ended;
    }
}

/// Fewer packets may be anything.
const SURE_PACKETS: u64 = 10;

/// The last packet of the connection at the first leg that shows its end.
fn ended_at(legs: &[&Leg]) -> Option<Timestamp> {
    up_to_date(legs).find_map(ended_at_leg)
}

fn ended_at_leg(leg: &Leg) -> Option<Timestamp> {
    let torn_down = torn_down(leg, Exchange::succeeded);
    let torn_down = torn_down.is_some_and(|end| !is_set_up_after(leg, end));
    (leg.closed.is_some() || torn_down).then_some(leg.last.at)
}

/// By the first accepted SETUP; by the last one where a stream was set up anew.
fn transport(leg: &Leg, media: &[MediaStream], tunnelled: bool) -> TransportKind {
    if leg.encrypted {
        return TransportKind::Tls;
    }
    if tunnelled {
        return TransportKind::HttpTunnel;
    }
    let anew = media.iter().any(|media| media.superseded);
    let mut set_up = media.iter().filter(|media| media.set_up);
    let Some(media) = (if anew {
        set_up.next_back()
    } else {
        set_up.next()
    }) else {
        return TransportKind::Unknown;
    };
    if media.negotiated.channels.is_some() {
        TransportKind::Tcp
    } else if media.negotiated.multicast.is_some() {
        TransportKind::Multicast
    } else if names_transport(leg, media) {
        TransportKind::Udp
    } else {
        TransportKind::Unknown
    }
}

/// Whether the SETUP of a medium or its answer says how the medium is carried, or may say it in what was not captured. `AirPlay` 2
/// agrees on that in a body of its own.
fn names_transport(leg: &Leg, media: &MediaStream) -> bool {
    let setup = media.setup.first().copied().flatten();
    let Some(exchange) = setup.and_then(|index| leg.exchanges.get(index)) else {
        return true;
    };
    let names = |message: &Message| {
        message.is_cut() || reading::fields(message).header("Transport").is_some()
    };
    exchange.messages().count() < 2 || exchange.messages().any(names)
}

/// The first request URI that names a host, else the first that is one: `OPTIONS *` names nothing. Where the capture cuts the
/// first, what comes later may name one medium alone.
fn url(leg: &Leg) -> Option<String> {
    let asked = leg
        .exchanges
        .iter()
        .filter(|exchange| exchange.by == Side::Client);
    let mut requests = asked
        .filter_map(|exchange| exchange.request.as_deref())
        .filter(|request| names_something(request));
    let first = requests.clone().next()?;
    if reading::lacks_its_line(first) {
        return None;
    }
    let with_host = requests.find_map(|request| reading::uri(reading::known(request)));
    with_host.or_else(|| Some(reading::fields(first).uri()?.text().into_owned()))
}

/// Whether a request's URI is one.
fn names_something(request: &Message) -> bool {
    let fields = reading::fields(request);
    let mut uri = fields.uri().into_iter();
    uri.any(|uri| uri.bytes != b"*" && !uri.is_empty())
}

fn header(leg: &Leg, from: Side, name: &str) -> Option<String> {
    messages(leg)
        .filter(|message| message.from == from)
        .find_map(|message| {
            let fields = reading::fields(message);
            let value = fields.header(name)?.value.text().into_owned();
            (!value.is_empty()).then_some(value)
        })
}

/// What the last answer that opened or confirmed a session says.
fn timeout_secs(leg: &Leg) -> Option<u32> {
    let answers = leg
        .exchanges
        .iter()
        .rev()
        .filter(|exchange| exchange.is("SETUP") && exchange.succeeded());
    answers
        .filter_map(|exchange| exchange.response.as_deref())
        .find_map(|response| {
            let fields = reading::fields(response);
            Some(fields.session()?.timeout.unwrap_or(DEFAULT_TIMEOUT_SECS))
        })
}

fn messages(leg: &Leg) -> impl Iterator<Item = &Message> {
    leg.exchanges
        .iter()
        .flat_map(|exchange| exchange.request.iter().chain(&exchange.response))
        .map(|message| &**message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::{LAN, UDP_TALK, WAN, leg};

    /// State and end of a session of which the LAN and the WAN tap heard this, in seconds.
    fn known(lan: &str, wan: &str) -> (SessionState, Option<i64>) {
        let ended = [lan, wan].map(|talk| talk.trim_end().ends_with("closed"));
        let talks = [lan, wan].map(|talk| talk.trim_end().trim_end_matches("closed"));
        let mut legs = [
            leg(LAN, "192.168.1.100:40000", "203.0.113.10:554", talks[0]),
            leg(WAN, "203.0.113.1:40000", "203.0.113.10:554", talks[1]),
        ];
        for (leg, ended) in legs.iter_mut().zip(ended) {
            leg.closed = leg.closed.filter(|_| ended);
        }
        let legs: Vec<&Leg> = legs.iter().collect();
        let end = ended_at(&legs).map(|end| end.as_nanos() / 1_000_000_000);
        (state(&legs, true), end)
    }

    #[test]
    fn an_end_that_one_tap_missed_is_told_by_another() {
        let playing = UDP_TALK.split("10.0 >").next().unwrap();
        assert_eq!(known(playing, playing), (SessionState::Playing, None));
        let ended = (SessionState::Ended, Some(11));
        assert_eq!(known(playing, UDP_TALK), ended);
        assert_eq!(known(UDP_TALK, playing), ended);
        let closed = format!("{playing} closed");
        assert_eq!(known(playing, &closed), (SessionState::Ended, Some(1)));
    }

    #[test]
    fn a_tap_that_saw_the_end_of_one_use_of_the_connection_does_not_end_the_next() {
        let again = "
    12.0 > SETUP rtsp://203.0.113.10/a/track1 RTSP/1.0 | CSeq: 6 | Transport: RTP/AVP;unicast;client_port=5000-5001
    12.1 < RTSP/1.0 200 OK | CSeq: 6 | Session: 7 | Transport: RTP/AVP;unicast;client_port=5000-5001
    12.2 > PLAY rtsp://203.0.113.10/a RTSP/1.0 | CSeq: 7 | Session: 7
    12.3 < RTSP/1.0 200 OK | CSeq: 7 | Session: 7";
        let again = format!("{UDP_TALK}{again}");
        assert_eq!(known(&again, UDP_TALK), (SessionState::Playing, None));
    }

    #[test]
    fn a_play_that_one_tap_missed_is_no_failure() {
        let play = "0.04 > PLAY rtsp://203.0.113.10/a RTSP/1.0 | CSeq: 4 | Session: 66334873";
        let answer = "0.05 < RTSP/1.0 200 OK | CSeq: 4 | Session: 66334873";
        let without = UDP_TALK.replace(play, "").replace(answer, "");
        let closed = format!("{without} closed");
        assert_eq!(known(&closed, UDP_TALK), (SessionState::Ended, Some(11)));
        assert_eq!(known(&closed, &without).0, SessionState::Failed);
    }
}
