//! Puts sessions together from the connections at all taps.

use rtspscope_wire::rtsp::message::StartLine;
use rtspscope_wire::{TapId, TapRole, Timestamp};

use crate::exchange::{Exchanges, Facts};
use crate::limits::Limits;
use crate::media;
use crate::model::{
    AlgJudgement, Exchange, Leg, MediaStream, Message, NatPair, Session, SessionState, Side,
    TransportKind,
};
use crate::nat::pairing::Group;
use crate::reading;
use crate::record::{Record, Speech};

/// Session timeout where the server names none (RFC 2326 §12.37).
const DEFAULT_TIMEOUT_SECS: u32 = 60;

/// A connection of a session, or the two of an HTTP tunnel.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source<'a> {
    /// Slot of the connection that the leg stands for.
    pub(crate) slot: usize,
    pub(crate) record: &'a Record,
    /// The connection that carries the requests of a tunnel.
    pub(crate) post: Option<&'a Record>,
    /// Its slot.
    pub(crate) post_slot: Option<usize>,
}

/// One source for each leg: tunnels' connections are joined by cookie, the rest stand alone.
pub(crate) fn sources<'a>(records: &[(usize, &'a Record)]) -> Vec<Source<'a>> {
    let is_get = |record: &Record| record.speech == Speech::TunnelGet;
    let get_of = |post: &Record| {
        records
            .iter()
            .find(|(_, get)| is_get(get) && get.tap == post.tap && get.cookie == post.cookie)
            .map(|(at, _)| *at)
    };
    let posts: Vec<(usize, usize, &Record)> = records
        .iter()
        .filter(|(_, record)| record.speech == Speech::TunnelPost)
        .filter_map(|(slot, post)| Some((get_of(post)?, *slot, *post)))
        .collect();
    let joined = |record: &Record| record.speech == Speech::TunnelPost && get_of(record).is_some();
    let post_of = |slot: usize| {
        posts
            .iter()
            .find(|(get, ..)| *get == slot)
            .map(|(_, slot, post)| (*slot, *post))
    };
    let kept = records.iter().filter(|(_, record)| !joined(record));
    kept.map(|(slot, record)| {
        let (post_slot, post) = post_of(*slot).unzip();
        Source {
            slot: *slot,
            record,
            post,
            post_slot,
        }
    })
    .collect()
}

impl Source<'_> {
    /// The leg, with the requests of a tunnel among its exchanges.
    pub(crate) fn leg(&self) -> Leg {
        let mut leg = self.record.leg();
        let Some(post) = self.post else { return leg };
        let mut messages: Vec<_> = [self.record, post]
            .into_iter()
            .flat_map(|record| record.exchanges.list())
            .flat_map(|exchange| exchange.request.iter().chain(&exchange.response))
            .collect();
        messages.sort_by_key(|message| {
            (
                message.at.at,
                message.at.frame,
                message.from == Side::Server,
            )
        });
        let mut exchanges = Exchanges::default();
        for message in messages {
            exchanges.add(message, &Facts::of(&message.raw).0, &Limits::default());
        }
        leg.exchanges = exchanges.shared();
        leg.missing_bytes += post.missing_bytes;
        leg.first_gap = leg.first_gap.or(post.first_gap);
        leg.client_unheard = post.unheard[post.client()];
        leg
    }

    fn is_tunnel(&self) -> bool {
        matches!(self.record.speech, Speech::TunnelGet | Speech::TunnelPost)
    }
}

/// A session of these legs, the one next to the client first; arrivals, judgement and what netfilter says come later.
pub(crate) fn session(
    legs: Vec<Leg>,
    sources: &[&Source<'_>],
    group: &Group,
    roles: impl Fn(TapId) -> TapRole,
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
        state: state(near, !media.is_empty()),
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
        ended_at: ended_at(near),
        timeout_secs: views.iter().find_map(|leg| timeout_secs(leg)),
        media,
        nat: nat_pair(&legs, group, roles),
        legs,
        alg: AlgJudgement::default(),
        netfilter: None,
    })
}

/// How the legs belong together; the user's word on the taps goes before what the addresses say.
fn nat_pair(legs: &[Leg], group: &Group, roles: impl Fn(TapId) -> TapRole) -> Option<NatPair> {
    if legs.len() < 2 || group.evidence.is_empty() {
        return None;
    }
    let at = |role: TapRole| legs.iter().position(|leg| roles(leg.tap) == role);
    let (pre, post) = match (at(TapRole::Lan), at(TapRole::Wan)) {
        (Some(lan), Some(wan)) => (lan, wan),
        _ => (group.pre?, group.post?),
    };
    let (pre_leg, post_leg) = (legs.get(pre)?, legs.get(post)?);
    Some(NatPair {
        pre,
        post,
        evidence: group.evidence.clone(),
        proxied: group.proxied,
        sequence_delta: (!group.proxied)
            .then(|| sequence_delta(pre_leg, post_leg))
            .flatten(),
        rewrites: crate::nat::diff::compare(pre_leg, post_leg),
        client_translated: pre_leg.client != post_leg.client,
    })
}

/// Bytes by which the client's stream is longer at `post`, by the last request that both legs show. `None` where a leg
/// does not show how the stream begins: places in it count from there.
fn sequence_delta(pre: &Leg, post: &Leg) -> Option<i64> {
    pre.client_isn.and(post.client_isn)?;
    let end = |exchange: &Exchange| {
        let request = exchange.request.as_ref()?;
        let end = request
            .at
            .stream_offset?
            .saturating_add(request.raw.len() as u64);
        i64::try_from(end).ok()
    };
    let asked = |leg: &Leg| {
        let own = leg
            .exchanges
            .iter()
            .filter(|exchange| exchange.by == Side::Client);
        own.filter_map(|exchange| Some((exchange.cseq?, end(exchange)?)))
            .collect::<Vec<_>>()
    };
    let others = asked(post);
    let last = asked(pre).into_iter().rev().find_map(|(cseq, end)| {
        let twin = others.iter().rfind(|(other, _)| *other == cseq)?;
        Some(twin.1 - end)
    });
    // What cannot be read cannot be rewritten.
    last.or((pre.encrypted && post.encrypted).then_some(0))
}

/// Channels on which the server of any of these connections sent RTP.
fn channels(sources: &[&Source<'_>]) -> Vec<u8> {
    let records = sources.iter().map(|source| source.record);
    let used = records.map(|record| record.channels.with_media(1 - record.client()));
    used.max_by_key(Vec::len).unwrap_or_default()
}

fn state(leg: &Leg, has_media: bool) -> SessionState {
    let plays = |exchange: &Exchange| exchange.is("PLAY") || exchange.is("RECORD");
    let played = leg
        .exchanges
        .iter()
        .rposition(|exchange| plays(exchange) && exchange.succeeded());
    let torn_down = leg
        .exchanges
        .iter()
        .rposition(|exchange| exchange.is("TEARDOWN"));
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

/// Whether there may be messages that the capture does not show or that cannot be read.
fn hides_messages(leg: &Leg) -> bool {
    leg.encrypted || leg.missing_bytes > 0 || leg.began_before()
}

/// Whether the connection is used again behind the exchange with this index.
fn is_set_up_after(leg: &Leg, index: usize) -> bool {
    let mut later = leg.exchanges.iter().skip(index + 1);
    later.any(|exchange| exchange.is("SETUP") && exchange.succeeded())
}

fn ended_at(leg: &Leg) -> Option<Timestamp> {
    let torn_down = leg
        .exchanges
        .iter()
        .rposition(|exchange| exchange.is("TEARDOWN") && exchange.succeeded());
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
    } else {
        TransportKind::Udp
    }
}

/// The first request URI that is one: `OPTIONS *` names nothing.
fn url(leg: &Leg) -> Option<String> {
    let asked = leg
        .exchanges
        .iter()
        .filter(|exchange| exchange.by == Side::Client);
    asked
        .filter_map(|exchange| exchange.request.as_deref())
        .find_map(|request| {
            let message = reading::fields(request);
            match &message.start {
                StartLine::Request { uri, .. } if uri.bytes != b"*" && !uri.is_empty() => {
                    Some(uri.text().into_owned())
                }
                StartLine::Request { .. }
                | StartLine::Response { .. }
                | StartLine::Unreadable(_) => None,
            }
        })
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
