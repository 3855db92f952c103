//! The questions that the judgement and the rules ask of a session, answered from the model alone.
//!
//! An answer that the captures cannot give is `None`: callers then draw no conclusion.

use rtspscope_wire::{Span, TapId, Timestamp};

use crate::input::LossKind;
use crate::locator::Locator;
use crate::media::Streams;
use crate::model::{
    DiffClass, Exchange, Leg, MediaDirection, MediaStream, NatPair, Session, Side, Tap,
    TransportKind, UnclaimedRtp,
};
use crate::nat::address;
use crate::router_setup::RouterSetup;

pub(crate) mod assigned;
mod clock_step;
mod compare;
mod cut;
mod goodbye;
mod hidden;
mod lost;
mod medium;
mod misdelivered;
mod moved;
mod nearest;
mod played;
mod refusals;
mod reported;
mod shut_off;
mod swallowed;
mod together;
mod tracked;
mod unadjusted;

pub(crate) use compare::Fate;
pub(crate) use cut::{Cut, CutPlace};
pub(crate) use goodbye::{Goodbye, said_goodbye};
pub(crate) use hidden::Why;
pub(crate) use lost::{Late, Lost};
pub(crate) use medium::{Group, MediaFacts};
pub(crate) use misdelivered::Misdelivered;
pub(crate) use nearest::Nearest;
pub(crate) use played::played_out;
pub(crate) use refusals::{RefusedStream, last_attempt};
pub(crate) use reported::is_later;
pub(crate) use shut_off::ShutOff;
pub(crate) use swallowed::Swallowed;

/// By how much one tap's packets may be known later than another's.
const LAG: Span = Span::from_millis(500);

/// What the taps were, and what was not captured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Capture<'a> {
    /// The taps.
    pub(crate) taps: &'a [Tap],
    /// What was not captured or not kept.
    pub(crate) losses: &'a [(LossKind, u64)],
    /// How the router's netfilter is set up.
    pub(crate) setup: Option<&'a RouterSetup>,
    /// RTP that belongs to no session.
    pub(crate) unclaimed: &'a [UnclaimedRtp],
    /// All sessions.
    pub(crate) sessions: &'a [Session],
    /// The time by the clock of a live run; `None` where only packets tell the time.
    pub(crate) ticked_at: Option<Timestamp>,
}

impl Capture<'_> {
    /// A tap by its number.
    pub(crate) fn tap(&self, id: TapId) -> Option<&Tap> {
        self.taps.iter().find(|tap| tap.id == id)
    }

    /// Until when a leg's tap was watching: its last packet of any kind, or later.
    pub(crate) fn watched_until(&self, leg: &Leg) -> Timestamp {
        let tap = self.tap(leg.tap);
        tap.map_or(leg.last.at, |tap| tap.watched_with(leg))
    }

    /// Whether nothing more follows what passed at this time on a leg.
    pub(crate) fn is_over_after(&self, leg: &Leg, at: Timestamp) -> bool {
        leg.is_over_after(at, self.watched_until(leg))
    }

    /// The last packet of a leg or, where its tap watched on while the connection was quiet, that moment.
    pub(crate) fn last_seen(&self, leg: &Leg) -> Locator {
        let until = self.watched_until(leg);
        if leg.closed.is_some() || until <= leg.last.at + LAG {
            return leg.last;
        }
        Locator {
            frame: None,
            at: until,
            ..leg.last
        }
    }

    /// Whether packets of a connection may be missing because the capture lost them.
    pub(crate) fn may_lack_segments(&self) -> bool {
        self.losses.iter().any(|(kind, count)| {
            let is_loss = matches!(
                kind,
                LossKind::RingFull | LossKind::LoadFailed | LossKind::DroppedByCapture
            );
            is_loss && *count > 0
        })
    }
}

/// A session with both ends of its path at hand.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SessionFacts<'a> {
    /// The session.
    pub(crate) session: &'a Session,
    /// What it was captured with.
    pub(crate) capture: Capture<'a>,
}

/// The two legs of a session that was seen on both sides of a router, at two taps or at one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sides<'a> {
    /// How they belong together.
    pub(crate) nat: &'a NatPair,
    /// The leg nearer to the client.
    pub(crate) client: &'a Leg,
    /// The leg nearer to the server.
    pub(crate) server: &'a Leg,
    /// Position of `client` in [`Session::legs`].
    pub(crate) client_index: usize,
    /// Position of `server` in [`Session::legs`].
    pub(crate) server_index: usize,
}

impl Sides<'_> {
    /// Whether the connection turns around in the router: a host asks for a server of its own network at the router's
    /// address, and the router sends it back out of the interface by which it came.
    pub(crate) fn turns_around(&self) -> bool {
        let (client, server) = (self.client.client.ip(), self.server.server.ip());
        self.client.tap == self.server.tap
            && self.client.server.ip() != server
            && address::are_neighbours(client, server)
    }
}

impl<'a> SessionFacts<'a> {
    pub(crate) fn new(session: &'a Session, capture: Capture<'a>) -> Self {
        Self { session, capture }
    }

    /// Both sides of the router, where they were seen.
    pub(crate) fn sides(self) -> Option<Sides<'a>> {
        let nat = self.session.nat.as_ref()?;
        let (client_index, server_index) = (nat.pre.min(nat.post), nat.pre.max(nat.post));
        let client = self.session.legs.get(client_index)?;
        let server = self.session.legs.get(server_index)?;
        Some(Sides {
            nat,
            client,
            server,
            client_index,
            server_index,
        })
    }

    /// Whether the session's media comes over TCP, or was to: no SETUP asked for another way.
    pub(crate) fn goes_over_tcp(self) -> bool {
        let media = &self.session.media;
        match self.session.transport {
            TransportKind::Tcp | TransportKind::HttpTunnel => true,
            TransportKind::Unknown => {
                let is_inside = |media: &MediaStream| media.negotiated.channels.is_some();
                !media.is_empty() && media.iter().all(is_inside)
            }
            TransportKind::Udp | TransportKind::Multicast | TransportKind::Tls => false,
        }
    }

    /// Whether any leg cannot be read.
    pub(crate) fn encrypted(self) -> bool {
        self.session.transport == TransportKind::Tls
            || self.session.legs.iter().any(|leg| leg.encrypted)
    }

    /// The media that the server sends, with what was seen of each.
    pub(crate) fn media(self) -> impl Iterator<Item = MediaFacts<'a>> {
        self.media_of(MediaDirection::FromServer)
    }

    /// The media that the client sends.
    pub(crate) fn media_of_client(self) -> impl Iterator<Item = MediaFacts<'a>> {
        self.media_of(MediaDirection::FromClient)
    }

    fn media_of(self, direction: MediaDirection) -> impl Iterator<Item = MediaFacts<'a>> {
        let media = self.session.media.iter().enumerate();
        let own = media.filter(move |(_, media)| media.direction == direction);
        own.map(move |(index, media)| MediaFacts {
            facts: self,
            media,
            index,
        })
    }

    /// Whether the router changed the URI of a request whose digest covers it (RFC 2617 §3.2.2.5).
    pub(crate) fn signed_other_uri(self, exchange: &Exchange) -> bool {
        let is_signed = exchange.request.as_ref().is_some_and(|request| {
            let message = crate::reading::fields(request);
            let credentials = message.header("Authorization");
            credentials.is_some_and(|field| {
                let scheme = field.value.bytes.get(..7).unwrap_or_default();
                scheme.eq_ignore_ascii_case(b"digest ")
            })
        });
        let rewrites = self.session.nat.iter().flat_map(|nat| &nat.rewrites);
        is_signed
            && rewrites.into_iter().any(|diff| {
                diff.field == "request.uri"
                    && !diff.in_response
                    && (diff.cseq, &diff.method) == (exchange.cseq, &exchange.method)
            })
    }

    /// Whether the router damaged a request (`in_response` false) or response of this exchange.
    pub(crate) fn corrupted(self, exchange: &Exchange, in_response: bool) -> bool {
        self.session
            .nat
            .iter()
            .flat_map(|nat| &nat.rewrites)
            .any(|diff| {
                diff.class == DiffClass::Corruption
                    && diff.in_response == in_response
                    && diff.cseq == exchange.cseq
                    && diff.method == exchange.method
            })
    }
}

/// The client's requests at a leg that nobody answered there, in order.
pub(crate) fn unanswered(leg: &Leg) -> impl Iterator<Item = &Exchange> {
    leg.exchanges.iter().filter(|exchange| {
        exchange.by == Side::Client && exchange.request.is_some() && exchange.response.is_none()
    })
}

/// What was said next to the server, where nothing of it can be the router's doing.
pub(crate) fn server_side_exchanges(session: &Session) -> &[Exchange] {
    session.legs.last().map_or(&[], |leg| &leg.exchanges)
}

/// The first accepted PLAY or RECORD of a leg.
pub(crate) fn play(leg: &Leg) -> Option<&Exchange> {
    play_among(&leg.exchanges)
}

/// The same of some exchanges.
pub(crate) fn play_among(exchanges: &[Exchange]) -> Option<&Exchange> {
    exchanges
        .iter()
        .find(|exchange| exchange.starts_media() && exchange.succeeded())
}

/// Whether all that was set up at a leg had been asked to end by then, and not been refused.
pub(crate) fn torn_down(leg: &Leg, until: Timestamp) -> bool {
    let in_time = |exchange: &Exchange| {
        let request = exchange.request.as_ref();
        exchange.is("TEARDOWN") && request.is_some_and(|request| request.at.at <= until)
    };
    leg.exchanges.iter().any(in_time) && Streams::of(&leg.exchanges).last_end(in_time).is_some()
}

/// When a leg's PLAY or RECORD was accepted.
pub(crate) fn play_accepted(leg: &Leg) -> Option<Locator> {
    Some(play(leg)?.response.as_ref()?.at)
}
