//! Adds up what a seat's flows or channels counted.

mod beside;

use std::net::SocketAddr;

use rtsp_ebpf_common::rtp::RtpCounters;
use rtspscope_wire::{Span, TapId, Timestamp, payload_types};

use beside::{Beside, beside};

use super::left_over;
use super::owners::Owners;
use super::rounds::Stray;
use super::seat::Seat;
use super::shared::Shared;
use super::silence::{self, Sending};
use super::{Heard, Unit};
use crate::counting::{Codec, MediaCount, Reports, Source, far_end};
use crate::locator::Locator;
use crate::model::{
    Arrival, ClientDatagrams, DatagramKinds, MediaDirection, MediaStream, ParameterSets,
    RtcpArrival, RtpArrival, Session, Timeline, VideoArrival,
};
use crate::record::Record;
use crate::timeline;

/// What one tap saw of one medium beside one leg.
pub(super) fn at_seat(
    seat: &Seat,
    sessions: &[Session],
    records: &[Vec<&Record>],
    units: &[Unit<'_>],
    (heard, owners): (Heard<'_>, &Owners<'_>),
) -> Arrival {
    let mut total = Total::new(medium(seat.session, seat.media, sessions));
    total.left_over = &seat.left_over;
    total.shared = sessions
        .get(seat.session)
        .and_then(|session| Shared::of(session, seat.media, seat.leg));
    for unit in seat.own().iter().filter_map(|index| units.get(*index)) {
        total.add_unit(unit);
    }
    for (index, ssrc) in &seat.goes_on {
        if let Some(media) = units[*index].epoch.media.as_deref() {
            total.add_what_goes_on(media, *ssrc);
        }
    }
    for unit in seat.answers().iter().filter_map(|index| units.get(*index)) {
        if let Some(media) = unit.epoch.media.as_deref() {
            total.add_answers(media);
        }
    }
    let record = records
        .get(seat.session)
        .and_then(|legs| legs.get(seat.leg));
    if let (Some(record), Some(channels)) = (record, seat.negotiated.channels) {
        total.add_channels(record, channels, seat);
    }
    total.into_arrival(
        (seat.tap, Some(seat.leg)),
        from_client(seat, units),
        beside(seat, units, heard, owners),
    )
}

/// What a tap saw of a medium whose session has no leg there.
pub(super) fn elsewhere(stray: &Stray, sessions: &[Session], units: &[Unit<'_>]) -> Arrival {
    let mut total = Total::new(medium(stray.session, stray.media, sessions));
    for unit in stray.units.iter().filter_map(|index| units.get(*index)) {
        total.add_unit(unit);
    }
    total.into_arrival((stray.tap, None), Vec::new(), Beside::default())
}

fn medium(session: usize, media: usize, sessions: &[Session]) -> Option<&MediaStream> {
    sessions.get(session)?.media.get(media)
}

/// Sums over the flows of one medium at one tap. Addresses and jitter are those of the flow with most packets.
struct Total<'a> {
    medium: Option<&'a MediaStream>,
    /// Those with which it shares a port or a channel.
    shared: Option<Shared<'a>>,
    /// Sources that are not the medium's.
    left_over: &'a [u32],
    rtp: RtpArrival,
    rtcp: RtcpArrival,
    most_rtp: u64,
    most_places: u64,
    most_rtcp: u64,
    /// Changes of source within one counter.
    hidden_changes: u32,
    /// Time of the first and of the last packet of RTP, in ns.
    ends: Option<(i64, i64)>,
    /// The medium's own sources.
    sources: Vec<u32>,
    /// When each of them sent.
    sending: Vec<Sending>,
    /// What the reports of the sending end say, and those of the other.
    sent: Vec<&'a Reports>,
    answers: Vec<&'a Reports>,
    timeline: Option<Timeline>,
}

impl<'a> Total<'a> {
    fn new(medium: Option<&'a MediaStream>) -> Self {
        Self {
            medium,
            shared: None,
            left_over: &[],
            rtp: RtpArrival::default(),
            rtcp: RtcpArrival::default(),
            most_rtp: 0,
            most_places: 0,
            most_rtcp: 0,
            hidden_changes: 0,
            ends: None,
            sources: Vec::new(),
            sending: Vec::new(),
            sent: Vec::new(),
            answers: Vec::new(),
            timeline: None,
        }
    }

    fn into_arrival(
        mut self,
        (tap, leg): (TapId, Option<usize>),
        from_client: Vec<ClientDatagrams>,
        beside: Beside,
    ) -> Arrival {
        self.rtp.bitrate_bps = self.bitrate_bps();
        if self.rtp.packets > 0 && !self.sources.is_empty() {
            let changes = self.source_changes();
            self.rtp.ssrc_changes = Some(changes);
            if self.rtp.packets > 1 {
                let silence = silence::longest(&self.sending);
                self.rtp.max_gap = Some(silence.in_all);
                self.rtp.max_gap_while_sending = Some(silence.while_sending);
            }
            let all = self.rtp.restarts.unwrap_or(0);
            self.rtp.restarts = Some(all.saturating_sub(self.hidden_changes));
        }
        let rate = self.clock_rate(self.rtp.payload_type);
        self.rtcp.goodbye = self.goodbye();
        let read: u64 = self.sent.iter().map(|reports| reports.byes).sum();
        self.rtcp.unread_byes = self.rtcp.byes.saturating_sub(read);
        self.rtcp.far_end = far_end(&self.sent, &self.answers, self.rtp.ssrc, rate);
        Arrival {
            tap,
            leg,
            rtp: self.rtp,
            rtcp: self.rtcp,
            from_client,
            earlier_uses: Vec::new(),
            refused: beside.refused,
            timeline: self.timeline,
            too_big: beside.too_big,
            fragmented: beside.fragmented,
            membership: beside.membership,
        }
    }

    fn add_unit(&mut self, unit: &Unit<'a>) {
        let reports_only = || unit.rtcp_packets() > 0 && unit.epoch.kinds().other == 0;
        if self.medium.is_some_and(MediaStream::is_raw) && !reports_only() {
            self.add_datagrams(unit);
            return;
        }
        if let Some(media) = unit.epoch.media.as_deref() {
            self.add(media, unit.flow.from, unit.flow.to);
        }
    }

    /// Adds datagrams of a medium without RTP: how many came and where, but nothing that takes numbers to know.
    fn add_datagrams(&mut self, unit: &Unit<'a>) {
        let (flow, epoch) = (unit.flow, unit.epoch);
        let ends = [Some(epoch.first), Some(epoch.last)];
        self.add_plain((epoch.packets, epoch.bytes), ends, (flow.from, flow.to));
    }

    /// The same of interleaved frames.
    fn add_frames(&mut self, media: &MediaCount, from: SocketAddr, to: SocketAddr) {
        let stats = &media.stats;
        let packets = stats.packets.saturating_sub(stats.rtcp.packets);
        let bytes = stats.bytes.saturating_sub(stats.rtcp.bytes);
        let first = earlier(media.first_other, media.first_rtp);
        let last = media.last_other.into_iter().chain(media.last_rtp);
        let ends = [first, last.max_by_key(|place| place.at)];
        if packets > 0 {
            self.add_plain((packets, bytes), ends, (from, to));
        }
    }

    fn add_plain(
        &mut self,
        (packets, bytes): (u64, u64),
        [first, last]: [Option<Locator>; 2],
        (from, to): (SocketAddr, SocketAddr),
    ) {
        let rtp = &mut self.rtp;
        rtp.packets += packets;
        rtp.bytes += bytes;
        rtp.first = earlier(rtp.first, first);
        let ends = rtp.last.into_iter().chain(last);
        rtp.last = ends.max_by_key(|place| place.at);
        if packets > self.most_places {
            self.most_places = packets;
            (rtp.from, rtp.to) = (Some(from), Some(to));
        }
        if let Some((first, last)) = first.zip(last) {
            let own = (first.at.as_nanos(), last.at.as_nanos());
            let (begin, end) = self.ends.unwrap_or(own);
            self.ends = Some((begin.min(own.0), end.max(own.1)));
        }
    }

    /// Adds what both ends sent on the medium's channels.
    fn add_channels(&mut self, record: &'a Record, (rtp, rtcp): (u8, u8), seat: &Seat) {
        let (client, server) = (record.client(), 1 - record.client());
        let [sender, receiver] = match seat.direction {
            MediaDirection::FromServer => [server, client],
            MediaDirection::FromClient => [client, server],
        };
        let [from, to] = [sender, receiver].map(|end| record.ends[end]);
        let numbers = if rtp == rtcp {
            vec![rtp]
        } else {
            vec![rtp, rtcp]
        };
        for number in numbers {
            for media in seat.on_channel(record, sender, number) {
                if self.medium.is_some_and(MediaStream::is_raw) {
                    self.add_frames(media, from, to);
                    self.add_reports(media, from, to);
                } else {
                    self.add(media, from, to);
                }
            }
            for media in seat.on_channel(record, receiver, number) {
                self.add_answers(media);
            }
        }
    }

    fn add(&mut self, media: &'a MediaCount, from: SocketAddr, to: SocketAddr) {
        let mut own = 0;
        for source in media.sources() {
            let is_others = |shared: &Shared<'_>| !shared.owns(source.counters);
            let is_left_over = self.left_over.contains(&source.counters.ssrc);
            if is_left_over || self.shared.as_ref().is_some_and(is_others) {
                continue;
            }
            if self.is_repair(source.counters) {
                self.rtp.repair_packets += source.counters.packets;
                self.rtp.repair_bytes += source.counters.bytes;
            } else {
                own += source.counters.packets;
                self.add_source(source);
            }
        }
        if own > 0 {
            let ends = left_over::ends_without(self.left_over, media);
            self.add_places((own, ends), from, to);
            self.add_timeline(media);
        }
        self.add_reports(media, from, to);
    }

    /// Adds a source of the medium that went on among those of a later session: when and where is told by what came before.
    fn add_what_goes_on(&mut self, media: &'a MediaCount, ssrc: u32) {
        let mut sources = media.sources();
        if let Some(source) = sources.find(|source| source.counters.ssrc == ssrc) {
            self.add_source(source);
        }
    }

    /// Adds what the sending end says of the medium.
    fn add_reports(&mut self, media: &'a MediaCount, from: SocketAddr, to: SocketAddr) {
        if media.stats.rtcp.packets > 0 {
            self.add_rtcp(media, from, to);
        }
        let said = media.reports().and_then(|reports| reports.sent_packets);
        self.rtcp.sent_packets = self.rtcp.sent_packets.max(said);
        let sending = media.reports().and_then(Reports::sending);
        let growths = self.rtcp.sending.into_iter().chain(sending);
        self.rtcp.sending = growths.max_by_key(|growth| growth.shown.at);
        self.sent.extend(media.reports());
    }

    /// Adds what the receiving end says of the medium.
    fn add_answers(&mut self, media: &'a MediaCount) {
        self.rtcp.receiver_reports += media.stats.rtcp.receiver_reports;
        if let Some(reports) = media.reports() {
            self.rtcp.nacks += reports.nacks;
            self.rtcp.keyframe_requests += reports.keyframe_requests;
            self.answers.push(reports);
        }
    }

    /// When the source that sent last said goodbye.
    fn goodbye(&self) -> Option<Locator> {
        let said = self.sent.iter();
        let said = said.filter_map(|reports| reports.goodbye(self.rtp.ssrc, &self.sources));
        said.max_by_key(|at| at.at)
    }

    /// Whether a source only repeats or repairs packets of another.
    fn is_repair(&self, source: &RtpCounters) -> bool {
        self.medium.is_some_and(|medium| {
            medium.repair.payload_types.contains(&source.payload_type)
                || medium.repair.sources.contains(&source.ssrc)
        })
    }

    fn add_source(&mut self, source: Source<'_>) {
        let counted = source.counters;
        let rtp = &mut self.rtp;
        rtp.packets += counted.packets;
        rtp.bytes += counted.bytes;
        rtp.expected = Some(rtp.expected.unwrap_or(0) + source.numbers.expected);
        rtp.lost = Some(rtp.lost.unwrap_or(0) + source.numbers.lost);
        rtp.duplicates = Some(rtp.duplicates.unwrap_or(0) + counted.duplicates);
        rtp.reordered = Some(rtp.reordered.unwrap_or(0) + counted.reordered);
        rtp.restarts = Some(rtp.restarts.unwrap_or(0) + counted.restarts);
        let changes = rtp.payload_type_changes.unwrap_or(0);
        rtp.payload_type_changes = Some(changes + counted.payload_type_changes);
        let outages = rtp.outage.into_iter().chain(source.outage());
        rtp.outage = outages.max_by_key(|outage| outage.lost);
        let (first, last) = self.ends.unwrap_or((counted.first_ns, counted.last_ns));
        if self.ends.is_none_or(|(_, last)| counted.last_ns >= last) {
            rtp.ssrc = Some(counted.ssrc);
        }
        self.ends = Some((first.min(counted.first_ns), last.max(counted.last_ns)));
        self.sources.push(counted.ssrc);
        self.sending.push(Sending {
            first: Timestamp(counted.first_ns),
            last: Timestamp(counted.last_ns),
            max_gap: span(counted.max_gap_ns),
        });
        self.hidden_changes += counted.ssrc_changes;
        if counted.packets > self.most_rtp {
            self.most_rtp = counted.packets;
            self.rtp.payload_type = Some(counted.payload_type);
            let rate = self.clock_rate(Some(counted.payload_type));
            self.rtp.jitter = rate.and_then(|rate| source.jitter_ns(rate)).map(span);
            self.rtp.video = self.medium.and_then(|medium| video(medium, source));
        }
    }

    fn add_timeline(&mut self, media: &MediaCount) {
        let Some(more) = media.timeline() else {
            return;
        };
        match &mut self.timeline {
            Some(timeline) => timeline::merge(timeline, &more),
            None => self.timeline = Some(more),
        }
    }

    /// Where a flow's RTP was seen, and its first and last packet.
    fn add_places(
        &mut self,
        (packets, [first, last]): (u64, [Option<Locator>; 2]),
        from: SocketAddr,
        to: SocketAddr,
    ) {
        let rtp = &mut self.rtp;
        if rtp
            .last
            .is_none_or(|known| last.is_some_and(|own| own.at >= known.at))
        {
            rtp.last = last;
        }
        rtp.first = earlier(rtp.first, first);
        if packets > self.most_places {
            self.most_places = packets;
            (rtp.from, rtp.to) = (Some(from), Some(to));
        }
    }

    fn add_rtcp(&mut self, media: &MediaCount, from: SocketAddr, to: SocketAddr) {
        let counted = &media.stats.rtcp;
        let rtcp = &mut self.rtcp;
        rtcp.packets += counted.packets;
        rtcp.sender_reports += counted.sender_reports;
        rtcp.byes += counted.byes;
        rtcp.first = earlier(rtcp.first, media.first_rtcp);
        if counted.packets > self.most_rtcp {
            self.most_rtcp = counted.packets;
            (rtcp.from, rtcp.to) = (Some(from), Some(to));
        }
    }

    /// By the SDP, else by the table of static payload types.
    fn clock_rate(&self, payload_type: Option<u8>) -> Option<u32> {
        let by_type = || payload_types::lookup(payload_type?).map(|kind| kind.clock_rate);
        self.medium
            .and_then(|medium| medium.clock_rate)
            .or_else(by_type)
    }

    fn bitrate_bps(&self) -> Option<u64> {
        let (first, last) = self.ends?;
        let nanos = u128::try_from(last.checked_sub(first)?).ok()?;
        let bits = u128::from(self.rtp.bytes) * 8;
        u64::try_from((bits * 1_000_000_000).checked_div(nanos)?).ok()
    }

    /// How often another source began to send; one that goes on in another flow is no other.
    fn source_changes(&mut self) -> u32 {
        self.sources.sort_unstable();
        self.sources.dedup();
        (self.sources.len() as u32).saturating_sub(1) + self.hidden_changes
    }
}

/// The pictures of a medium whose codec is known and in clear.
fn video(medium: &MediaStream, source: Source<'_>) -> Option<VideoArrival> {
    let codec = Codec::of(medium.encoding_in_clear()?)?;
    let pictures = source.pictures(codec)?;
    let parameter_sets = |in_band| match (medium.sdp_parameter_sets, in_band) {
        (false, false) => ParameterSets::Missing,
        (true, false) => ParameterSets::Sdp,
        (false, true) => ParameterSets::InBand,
        (true, true) => ParameterSets::Both,
    };
    Some(VideoArrival {
        keyframes: pictures.keys,
        keyframe_interval: pictures.key_interval,
        last_keyframe: pictures.last_key,
        wait_for_keyframe: pictures.wait_for_first,
        longest_without_keyframe: pictures.longest_wait,
        pictures: pictures.count,
        frame_rate: pictures.rate,
        parameter_sets: pictures.parameter_sets.map(parameter_sets),
    })
}

fn span(nanos: u64) -> Span {
    Span(i64::try_from(nanos).unwrap_or(i64::MAX))
}

fn earlier(a: Option<Locator>, b: Option<Locator>) -> Option<Locator> {
    a.into_iter().chain(b).min_by_key(|place| place.at)
}

/// The client's datagrams by pair of ends, in order of the first.
fn from_client(seat: &Seat, units: &[Unit<'_>]) -> Vec<ClientDatagrams> {
    let mut sent: Vec<ClientDatagrams> = Vec::new();
    for unit in seat
        .from_client
        .iter()
        .filter_map(|index| units.get(*index))
    {
        let (from, to) = (unit.flow.from, unit.flow.to);
        let epoch = unit.epoch;
        if let Some(same) = sent
            .iter_mut()
            .find(|same| (same.from, same.to) == (from, to))
        {
            same.packets += epoch.packets;
            add_kinds(&mut same.kinds, epoch.kinds());
            same.last = epoch.last;
            continue;
        }
        let rtcp_port = is_rtcp_port(seat, from, to);
        sent.push(ClientDatagrams {
            from,
            to,
            packets: epoch.packets,
            kinds: epoch.kinds(),
            first: epoch.first,
            last: epoch.last,
            rtcp_port,
        });
    }
    sent.sort_by_key(|sent| sent.first.at);
    sent
}

fn add_kinds(sum: &mut DatagramKinds, more: DatagramKinds) {
    sum.rtp += more.rtp;
    sum.rtcp += more.rtcp;
    sum.stun += more.stun;
    sum.dtls += more.dtls;
    sum.punches += more.punches;
    sum.other += more.other;
}

fn is_rtcp_port(seat: &Seat, from: SocketAddr, to: SocketAddr) -> bool {
    let agreed = &seat.negotiated;
    let at_server = agreed.server_rtcp_port == Some(to.port())
        && agreed.server_rtp_port != agreed.server_rtcp_port;
    let at_client = agreed.client_rtcp_port == Some(from.port())
        && agreed.client_rtp_port != agreed.client_rtcp_port;
    let to_group = agreed
        .multicast
        .is_some_and(|(group, _, rtcp)| to == SocketAddr::new(group, rtcp));
    at_server || at_client || to_group
}
