//! What the engine knows at one moment: sessions with both legs, their media at each tap, what NAT and ALG did.
//!
//! Rules and outputs see these types and nothing behind them. All of it is plain data; a value that is not known is
//! `None`, never zero.

use std::net::SocketAddr;
use std::sync::Arc;

use rtspscope_wire::{LinkType, Span, TapId, TapRole, Timestamp};

use crate::advice::Named;
use crate::finding::{Code, Finding};
use crate::input::{Blind, LossKind};
use crate::locator::Locator;
use crate::router_setup::RouterSetup;
use crate::tap_files::{TapFile, TapFiles};

mod arrival;
mod counts;
mod leg;
mod media;
mod memo;
mod nat;
mod netfilter;
mod session;
mod timeline;

pub use arrival::{
    Arrival, ClientDatagrams, DatagramKinds, EarlierUse, Fragmented, GroupJoin, GroupMembership,
    Refusal, TooBig,
};
pub use counts::{FarEnd, Growth, Outage, ParameterSets, RtcpArrival, RtpArrival, VideoArrival};
pub use leg::{
    Close, Delivery, Desync, Exchange, Hole, Leg, Message, OtherAnswer, OtherProtocol, Repeated,
    ShutWindow, Side, Unreachable, Unseen,
};
pub use media::{MediaDirection, MediaHint, MediaStream, Negotiated, Repair};
pub use memo::Memo;
pub use nat::{AlgAction, AlgEffect, AlgJudgement, DiffClass, FieldDiff, NatPair, PairEvidence};
pub use netfilter::{Expected, Mapping, Netfilter};
pub use session::{Refused, Session, SessionState, TransportKind};
pub use timeline::{Bin, Series, Silence, Timeline};

/// The engine's knowledge at one moment.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// Taps in the order in which they were opened.
    pub taps: Vec<Tap>,
    /// What was not captured or not kept, by reason; reasons with zero are left out.
    pub losses: Vec<(LossKind, u64)>,
    /// What this capture cannot show.
    pub blind_spots: Vec<Code>,
    /// Files of the packets of netfilter's connection tracking, where they were read from several.
    pub netfilter_files: TapFiles,
    /// Sessions by first packet.
    pub sessions: Vec<Session>,
    /// Sessions that were forgotten because they were long over ([`crate::Engine::retire`]).
    pub retired: u64,
    /// All findings, worst first within a session, sessions in order.
    pub findings: Vec<Finding>,
    /// RTP that belongs to no session, the flows with most packets first and no more than 64.
    pub unclaimed: Vec<UnclaimedRtp>,
    /// RTSP that goes in UDP datagrams, which is not followed.
    pub datagram_talks: Vec<DatagramTalk>,
    /// What a live run could not see from its beginning, as its source says; the engine knows nothing of it.
    pub notes: Vec<String>,
    /// The router that the remedies are for, where it is known.
    pub router: Option<Named>,
    /// How the netfilter of the router that was watched is set up; `None` where nobody read it.
    pub setup: Option<Arc<RouterSetup>>,
    /// The time of the snapshot by the clock of a live run, or of the end of its recording; `None` of other captures, which
    /// know no time but that of their packets.
    pub ticked_at: Option<Timestamp>,
}

impl Snapshot {
    /// Until when all taps are known to have watched, and whether a clock tells that rather than their last packets.
    pub fn watched_until(&self) -> Option<(Timestamp, bool)> {
        let by_clock = self.ticked_at.map(|now| (now, true));
        let by_packets = || {
            self.taps
                .iter()
                .map(|tap| tap.watched_until)
                .min()
                .flatten()
        };
        by_clock.or_else(|| Some((by_packets()?, false)))
    }

    /// The file that holds a frame, where its tap has several, and the frame's number in its file.
    pub fn own_place(&self, tap: TapId, frame: u64) -> (Option<&TapFile>, u64) {
        let files = if tap == TapId::NETFILTER {
            Some(&self.netfilter_files)
        } else {
            self.taps.get(usize::from(tap.0)).map(|tap| &tap.files)
        };
        let found = files.and_then(|files| Some((files, files.find(frame)?)));
        found.map_or((None, frame), |(files, (file, own))| {
            (files.are_several().then_some(file), own)
        })
    }
}

/// A flow of RTP that no session is known to have set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnclaimedRtp {
    /// First packet.
    pub first: Locator,
    /// Sender.
    pub from: SocketAddr,
    /// Receiver.
    pub to: SocketAddr,
    /// RTP packets.
    pub packets: u64,
    /// Synchronisation source: of two the one that sent more.
    pub ssrc: Option<u32>,
}

/// RTSP messages in UDP datagrams between two ends at one tap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DatagramTalk {
    /// The first of them.
    pub first: Locator,
    /// The end that asks.
    pub client: SocketAddr,
    /// The end that answers.
    pub server: SocketAddr,
    /// Messages either way.
    pub messages: u64,
}

/// One tap and what passed it.
#[derive(Clone, Debug)]
pub struct Tap {
    /// Index used by [`Locator`]s.
    pub id: TapId,
    /// Short name for reports.
    pub name: String,
    /// Side of the router: as the user said, else as worked out from the packets.
    pub role: TapRole,
    /// Where the packets come from: of a rotated capture the file that was read first.
    pub source: String,
    /// All the files, in the order in which they were read.
    pub files: TapFiles,
    /// Link type of its frames.
    pub link_type: Option<LinkType>,
    /// Frames seen.
    pub frames: u64,
    /// Their bytes on the wire.
    pub bytes: u64,
    /// Time of the first frame.
    pub first_at: Option<Timestamp>,
    /// Time of the last frame.
    pub last_at: Option<Timestamp>,
    /// Until when the tap is known to have been watching, by its clock: its last frame or count, or a later tick.
    pub watched_until: Option<Timestamp>,
    /// When it saw nothing meanwhile, because its interface was gone.
    pub blind: Vec<Blind>,
    /// What to subtract from this tap's clock to get the first tap's; `None` where no pair of messages tells.
    pub clock_offset: Option<Span>,
    /// How fast this tap's clock gains on the first tap's, in parts per million; `None` where it does not measurably, or
    /// too short a time is known.
    pub clock_drift_ppm: Option<f64>,
    /// UDP datagrams seen, of any kind; zero means that the capture filter may have left UDP out.
    pub udp_datagrams: u64,
    /// Whether the source offered every packet of the interface, so that no UDP means that none passed.
    pub unfiltered: bool,
    /// Frames that the capture cut short.
    pub cut_frames: u64,
}

impl Tap {
    /// Whether UDP would be seen here: some was, or no filter can have left it out.
    pub const fn shows_udp(&self) -> bool {
        self.unfiltered || self.udp_datagrams > 0
    }

    /// Until when the tap is known to have watched a leg without a break.
    pub(crate) fn watched_with(&self, leg: &Leg) -> Timestamp {
        let last = leg.last.at;
        let until = self.watched_until.map_or(last, |until| until.max(last));
        let mut breaks = self.blind.iter();
        let first = breaks.find(|blind| blind.until.is_none_or(|until| until > leg.first.at));
        first.map_or(until, |first| until.min(first.since.max(leg.first.at)))
    }

    /// Whether it sees nothing now.
    pub fn is_blind(&self) -> bool {
        self.blind.last().is_some_and(|last| last.until.is_none())
    }

    /// Whether it saw nothing at some time between two others.
    pub(crate) fn was_blind(&self, from: Timestamp, until: Timestamp) -> bool {
        let mut breaks = self.blind.iter();
        breaks.any(|blind| blind.since < until && blind.until.is_none_or(|end| end > from))
    }
}
