//! The engine's three verbs: inputs go in, events are drained, and the snapshot shows what is known.

mod news;

use std::net::SocketAddr;
use std::sync::Arc;

use rtspscope_wire::decode::{self, Body, Datagram, Decoded, IpPacket, Layer, Plain, Segment};
use rtspscope_wire::defrag::{Defragmenter, FragmentLimits, Whole};
use rtspscope_wire::tcp::Place;
use rtspscope_wire::{Direction, FrameRef, LinkType, TapId, Timestamp};

use crate::advice::{self, Named};
use crate::claim::Heard;
use crate::connections::Connections;
use crate::datagram_talk::DatagramTalks;
use crate::flow::{FlowTable, Noted};
use crate::fragmented::FragmentedFlows;
use crate::groups::Groups;
use crate::icmp::IcmpErrors;
use crate::input::{
    CaptureLoss, Carrier, ChannelCounters, ChannelTotals, FlowCounters, Handover, Input, LossKind,
    Passing, PictureTotals, TapInfo,
};
use crate::limits::{Limits, Retention};
use crate::locator::Locator;
use crate::model::{Session, Snapshot};
use crate::netfilter::Netfilter;
use crate::output::Event;
use crate::record::Notice;
use crate::retire;
use crate::router_setup::RouterSetup;
use crate::snapshot::{self, Watched};
use crate::tap_files::TapFile;
use crate::taps::Taps;
use news::{Events, act_on, pass_on, tell};

/// What a user may set before packets come.
#[derive(Clone, Debug)]
pub struct EngineOptions {
    /// TCP ports on which a silent, refused or TLS connection counts as RTSP. Plain RTSP is recognised on any port.
    pub rtsp_ports: Vec<u16>,
    /// Caps on memory.
    pub limits: Limits,
    /// Keep how media came over time, for charts; costs memory and a little time for each packet of media.
    pub timelines: bool,
    /// The user's router, whose own menus and commands stand in the remedies.
    pub router: Option<Named>,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            rtsp_ports: vec![554, 322, 8554],
            limits: Limits::default(),
            timelines: false,
            router: None,
        }
    }
}

/// Packets in, knowledge out. The same inputs in the same order always give the same events and snapshots.
#[derive(Clone, Debug)]
pub struct Engine {
    taps: Taps,
    connections: Connections,
    flows: FlowTable,
    icmp: IcmpErrors,
    groups: Groups,
    /// Made with the first fragment.
    fragments: Option<Box<Defragmenter>>,
    fragment_limits: FragmentLimits,
    fragmented: FragmentedFlows,
    datagram_talks: DatagramTalks,
    netfilter: Netfilter,
    setup: Option<Arc<RouterSetup>>,
    events: Events,
    sessions: u32,
    retired: u64,
    changes: u64,
    router: Option<Named>,
    /// Directions that have begun to carry media and were not taken.
    carriers: Vec<Carrier>,
    /// Kept for its allocation.
    notices: Vec<Notice>,
}

impl Engine {
    /// An engine that has seen nothing.
    pub fn new(options: EngineOptions) -> Self {
        let mut limits = options.limits;
        if !options.timelines {
            limits.timelines = 0;
        }
        let netfilter = Netfilter::new(&limits);
        let mut flows = FlowTable::new(limits.flows, limits.epochs, limits.epochs_in_all);
        flows.follow(limits.timelines);
        Self {
            taps: Taps::default(),
            connections: Connections::new(options.rtsp_ports, limits),
            flows,
            icmp: IcmpErrors::new(limits.icmp_errors),
            groups: Groups::new(limits.group_members),
            fragments: None,
            fragment_limits: FragmentLimits {
                packets: limits.fragmented_packets,
                bytes: limits.fragment_bytes,
            },
            fragmented: FragmentedFlows::new(limits.fragmented_flows),
            datagram_talks: DatagramTalks::new(limits.datagram_talks),
            netfilter,
            setup: None,
            events: Events::at_most(limits.events),
            sessions: 0,
            retired: 0,
            changes: 0,
            router: options.router,
            carriers: Vec::new(),
            notices: Vec::new(),
        }
    }

    /// Opens a tap; its frames carry the returned number. Taps are numbered in the order of the calls, from 0.
    pub fn add_tap(&mut self, info: TapInfo) -> TapId {
        self.taps.add(info)
    }

    /// Says that the next frames of a tap come from another file of the same capture. Their numbers go on from those of the
    /// files before.
    pub fn begin_file(&mut self, tap: TapId, file: TapFile) {
        self.taps.begin_file(tap, file);
    }

    /// Number of inputs so far that can change a snapshot by more than the time. Where it stands still, so does the rest.
    pub const fn changes(&self) -> u64 {
        self.changes
    }

    /// Takes in one thing that happened.
    #[inline]
    pub fn handle_input(&mut self, input: Input<'_>) {
        match &input {
            Input::Frame(frame) => self.handle_frame(frame),
            Input::FlowCounters(counters) => self.handle_flow_counters(counters),
            Input::Conntrack(told) => {
                let fallen = self.netfilter.note(told);
                self.taps.count_loss(LossKind::NetfilterCap, fallen);
            }
            Input::RouterSetup(setup) => {
                self.setup = Some(Arc::new((*setup).clone().capped()));
            }
            Input::Handover(handover) => self.handle_handover(handover),
            Input::ChannelCounters(counters) => {
                self.connections.set_kernel_counts(counters);
                let counted_until = Timestamp(counters.stats.last_ns);
                self.taps.note_count(counters.tap, counted_until);
            }
            Input::ChannelTotals(totals) => {
                self.connections.set_totals(totals);
                let ChannelCounters { tap, stats, .. } = &totals.counted;
                self.taps.note_count(*tap, Timestamp(stats.last_ns));
            }
            Input::Pictures(totals) if totals.channel.is_some() => {
                self.connections.set_pictures(totals);
            }
            Input::Pictures(totals) => self.flows.set_pictures(totals),
            Input::ChannelReport(report) => {
                if self.connections.handle_report(report) {
                    self.taps.count_loss(LossKind::FlowCap, 1);
                }
                self.taps.note_count(report.tap, report.at);
            }
            Input::CaptureLoss(CaptureLoss { kind, count, .. }) => {
                self.taps.count_loss(*kind, *count);
            }
            Input::Blind(tap, blind) => self.taps.note_blind(*tap, *blind),
            Input::Tick(now) => return self.taps.tick(*now),
            Input::Watched(until) => return self.taps.watch(*until),
        }
        self.changes += 1;
    }

    /// Says that no more input comes: what waits for missing bytes is read as far as it goes.
    pub fn finish(&mut self) {
        if let Some(mut fragments) = self.fragments.take() {
            fragments.finish(|whole| self.handle_whole(&whole));
            self.taps
                .count_loss(LossKind::Fragments, fragments.take_given_up());
        }
        let Self {
            taps,
            connections,
            flows,
            events,
            ..
        } = self;
        connections.finish(|record, notices| {
            for notice in notices.drain(..) {
                act_on(notice, record, taps, flows, events);
            }
        });
    }

    /// Where the interleaved frame begins that is passing in what `carrier` sends, and where its channels stand. `None`
    /// where that is not known, where bytes are missing, or where no media has come.
    pub fn passing(&self, carrier: &Carrier) -> Option<Passing> {
        self.connections.passing(carrier)
    }

    /// Takes the directions of connections that have begun to carry media since the last call.
    pub fn take_carriers(&mut self) -> Vec<Carrier> {
        std::mem::take(&mut self.carriers)
    }

    /// Whether an event waits to be taken.
    pub fn has_output(&self) -> bool {
        !self.events.is_empty()
    }

    /// Takes the oldest event that was not taken yet.
    pub fn poll_output(&mut self) -> Option<Event> {
        self.events.pop()
    }

    /// What was counted of each UDP flow that carried RTP or RTCP, one for each use of its ports: as the kernel's counts
    /// of a recording, it stands for the packets that are not in it.
    pub fn flow_counters(&self) -> impl Iterator<Item = FlowCounters> {
        self.flows.counters()
    }

    /// What was counted of each interleaved channel that carried RTP or RTCP: as totals in a file, it stands for the packets
    /// that are not in it.
    pub fn channel_totals(&self) -> impl Iterator<Item = ChannelTotals> {
        self.connections.totals()
    }

    /// What the pictures of each flow and channel with video were: as totals in a file, it stands for the packets that are not in
    /// it.
    pub fn picture_totals(&self) -> impl Iterator<Item = PictureTotals> {
        self.flows.pictures().chain(self.connections.pictures())
    }

    /// What is known now. Numbers new sessions, and changes nothing else.
    pub fn snapshot(&mut self) -> Snapshot {
        let watched = Watched {
            taps: self.taps.snapshot(),
            losses: self.taps.losses(),
            setup: self.setup.clone(),
            ticked_at: self.taps.ticked_at(),
        };
        let mut snapshot = self.look(|connections, heard, numbers| {
            snapshot::take(watched, connections, heard, numbers)
        });
        snapshot.netfilter_files = self.taps.netfilter_files();
        snapshot.retired = self.retired;
        snapshot.router.clone_from(&self.router);
        advice::adapt(&mut snapshot);
        snapshot
    }

    /// The sessions that are not over and what they have agreed on, without a number or a verdict: a small part of the work of a
    /// snapshot where many have ended.
    pub fn open_sessions(&mut self) -> Vec<Session> {
        let taps = self.taps.snapshot();
        self.look(|connections, heard, _| snapshot::open_sessions(&taps, connections, heard))
    }

    /// What is agreed on in these carriers' connections, each as a session of its own without a number or a verdict.
    pub fn sessions_of(&mut self, carriers: &[Carrier]) -> Vec<Session> {
        let taps = self.taps.snapshot();
        self.look(|connections, heard, _| {
            snapshot::sessions_of(&taps, connections, heard, carriers)
        })
    }

    /// Shows the connections beside everything else that was heard; numbers are given to sessions that have none.
    fn look<T>(&mut self, see: impl FnOnce(&mut Connections, Heard<'_>, &mut u32) -> T) -> T {
        let heard = Heard {
            flows: &self.flows,
            icmp: &self.icmp,
            groups: &self.groups,
            fragmented: &self.fragmented,
            datagram_talks: &self.datagram_talks,
            netfilter: &self.netfilter,
        };
        see(&mut self.connections, heard, &mut self.sessions)
    }

    /// Forgets what is long over, so that a run without an end stays as small as it is busy. `snapshot` is the engine's
    /// last one, and no input came since. Numbers of sessions are not given again.
    pub fn retire(&mut self, snapshot: &Snapshot, retention: Retention) {
        let over = retire::over(snapshot, retention);
        let named = retire::named(snapshot, &over);
        let Some(now) = retire::now(snapshot) else {
            return;
        };
        let until = now - retention.silent;
        let is_named = |end: SocketAddr| named.contains(&end);
        self.connections.forget(|session| over.contains(&session));
        self.connections.thin(retention.keepalives);
        self.flows.forget(
            |flow| flow.current.last.at > until || is_named(flow.from) || is_named(flow.to),
            is_named,
        );
        self.icmp.forget(until, is_named);
        let oldest = retire::oldest(snapshot, &over).unwrap_or(now);
        self.netfilter
            .forget(now - retention.settled, oldest, is_named);
        self.fragmented.forget(is_named);
        self.retired += over.len() as u64;
    }

    fn handle_frame(&mut self, frame: &FrameRef<'_>) {
        self.taps.count_frame(frame);
        match decode::plain(frame) {
            Some(Plain::Udp(datagram)) => self.handle_datagram(frame, &datagram),
            Some(Plain::Tcp(segment)) => self.handle_segment(frame, &segment),
            None => self.handle_any(frame),
        }
    }

    #[inline(never)]
    fn handle_any(&mut self, frame: &FrameRef<'_>) {
        match decode::ip(frame) {
            Ok(packet) if packet.fragment.is_some() => self.handle_fragment(frame, &packet),
            Ok(packet) => self.handle_decoded(frame, &decode::transport(&packet)),
            Err(Some(_)) => self.taps.count_loss(LossKind::NotParsed, 1),
            Err(None) => {}
        }
    }

    fn handle_fragment(&mut self, frame: &FrameRef<'_>, packet: &IpPacket<'_>) {
        if let Body::Udp(datagram) = decode::transport(packet).body {
            let id = packet.fragment.map_or(0, |fragment| fragment.id);
            self.fragmented
                .begin(locate(frame), datagram.source, datagram.destination, id);
        }
        let fragments = self.fragments.take();
        let mut fragments =
            fragments.unwrap_or_else(|| Box::new(Defragmenter::new(self.fragment_limits)));
        if let Some(whole) = fragments.handle(frame, packet) {
            self.handle_whole(&whole);
        }
        self.taps
            .count_loss(LossKind::Fragments, fragments.take_given_up());
        self.fragments = Some(fragments);
    }

    fn handle_whole(&mut self, whole: &Whole<'_>) {
        let frame = FrameRef {
            at: whole.at,
            tap: whole.tap,
            direction: Direction::Unknown,
            link_type: LinkType::RAW,
            number: whole.number,
            original_len: whole.packet.payload_len,
            bytes: whole.packet.payload,
        };
        let decoded = decode::transport(&whole.packet);
        if let Body::Udp(datagram) = decoded.body {
            let (from, to) = (datagram.source, datagram.destination);
            if whole.packet.fragment.is_some() {
                self.fragmented.leave_alone(whole.tap, from, to);
            } else {
                self.fragmented.complete(whole.tap, from, to);
            }
        }
        self.handle_decoded(&frame, &decoded);
    }

    fn handle_decoded(&mut self, frame: &FrameRef<'_>, decoded: &Decoded<'_>) {
        match decoded.body {
            Body::Tcp(segment) => self.handle_segment(frame, &segment),
            Body::Udp(datagram) => self.handle_datagram(frame, &datagram),
            Body::Icmp(error) => self.icmp.note(&error, locate(frame)),
            Body::Membership(message) => self.groups.note(&message, locate(frame)),
            Body::Other => {
                if decoded
                    .stop
                    .is_some_and(|stop| stop.layer != Layer::Payload)
                {
                    self.taps.count_loss(LossKind::NotParsed, 1);
                }
            }
        }
    }

    fn handle_segment(&mut self, frame: &FrameRef<'_>, segment: &Segment<'_>) {
        let place = Place {
            at: frame.at,
            frame: frame.number,
        };
        let Self {
            taps,
            connections,
            flows,
            events,
            notices,
            carriers,
            ..
        } = self;
        let (record, refused) = connections.handle_segment(frame.tap, segment, place, notices);
        if !notices.is_empty() {
            if let Some(record) = record {
                pass_on(notices, record, carriers, (taps, flows, events));
            }
            notices.clear();
        }
        if refused {
            taps.count_loss(LossKind::ConnectionCap, 1);
        }
    }

    fn handle_handover(&mut self, handover: &Handover) {
        let Self {
            taps,
            connections,
            flows,
            events,
            notices,
            carriers,
            ..
        } = self;
        if let Some(record) = connections.hand_over(handover, notices) {
            pass_on(notices, record, carriers, (taps, flows, events));
        }
        notices.clear();
    }

    fn handle_datagram(&mut self, frame: &FrameRef<'_>, datagram: &Datagram<'_>) {
        self.taps.count_datagrams(frame.tap, 1);
        let at = locate(frame);
        self.datagram_talks.note(at, datagram);
        let noted = self.flows.count(
            at,
            datagram.source,
            datagram.destination,
            datagram.payload,
            datagram.payload_len,
        );
        self.tell_media(noted, at, datagram.source, datagram.destination);
    }

    fn handle_flow_counters(&mut self, counters: &FlowCounters) {
        let (noted, grown) = self.flows.set_kernel_counts(counters);
        self.taps.count_datagrams(counters.tap, grown);
        let counted_until = rtspscope_wire::Timestamp(counters.stats.last_ns);
        self.taps.note_count(counters.tap, counted_until);
        let at = rtspscope_wire::Timestamp(counters.stats.rtp.first_ns);
        let at = Locator {
            tap: counters.tap,
            frame: None,
            at,
            stream_offset: None,
        };
        self.tell_media(noted, at, counters.from, counters.to);
    }

    fn tell_media(&mut self, noted: Noted, at: Locator, from: SocketAddr, to: SocketAddr) {
        if noted.evicted {
            self.taps.count_loss(LossKind::FlowCap, 1);
        }
        if let Some(ssrc) = noted.media_began {
            tell(
                Event::MediaArrived {
                    at,
                    from,
                    to,
                    ssrc: Some(ssrc),
                },
                &mut self.taps,
                &mut self.events,
            );
        }
    }
}

fn locate(frame: &FrameRef<'_>) -> Locator {
    Locator {
        tap: frame.tap,
        frame: Some(frame.number),
        at: frame.at,
        stream_offset: None,
    }
}
