//! What a recording keeps besides packets: the kernel's counters, what it read in the engine's stead, losses, and how the
//! router's netfilter is set up, as the content of a custom option.
//!
//! Little-endian: enterprise number, magic, version, kind, then the fact. Readers of other versions step over it.

use std::net::{IpAddr, SocketAddr};

use rtsp_ebpf_common::flow::FlowStats;
use rtsp_ebpf_common::layout::Fields;
use rtspscope_engine::{
    Blind, ChannelTotals, KeyPictureTotals, LossKind, PictureSpan, PictureTotals, Returned,
    RouterSetup, Stray,
};
use rtspscope_wire::{TapId, Timestamp};

/// The enterprise number for documentation (RFC 5612); the magic tells this program's options from others'.
const ENTERPRISE: u32 = 32_473;
const MAGIC: &[u8; 10] = b"rtspscope\0";
const VERSION: u16 = 1;

const COUNTERS: u8 = 1;
const LOSS: u8 = 2;
const WATCHED: u8 = 3;
const HANDOVER: u8 = 4;
const CHANNEL: u8 = 5;
const SETUP: u8 = 6;
const REPORT: u8 = 7;
const TOTALS: u8 = 8;
const PICTURES: u8 = 9;
const BLIND: u8 = 10;

/// One fact about an interface of the recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// What the kernel counted of a flow so far.
    Counters {
        /// Sender.
        from: SocketAddr,
        /// Receiver.
        to: SocketAddr,
        /// What was counted.
        stats: Box<FlowStats>,
    },
    /// A change of who reads the media in one direction of a connection.
    Handover {
        /// Sender.
        from: SocketAddr,
        /// Receiver.
        to: SocketAddr,
        /// Where the kernel stopped to read; `None` where it began to.
        returned: Option<Returned>,
    },
    /// What the kernel counted of an interleaved channel since it began to read.
    Channel {
        /// Sender.
        from: SocketAddr,
        /// Receiver.
        to: SocketAddr,
        /// Number of the channel.
        channel: u8,
        /// RTP clock in Hz, 0 where it was not known.
        clock_rate: u32,
        /// What was counted.
        stats: Box<FlowStats>,
    },
    /// What was counted of an interleaved channel in all, where the file holds only some of its packets.
    Totals {
        /// Sender.
        from: SocketAddr,
        /// Receiver.
        to: SocketAddr,
        /// Number of the channel.
        channel: u8,
        /// RTP clock in Hz, 0 where it was not known.
        clock_rate: u32,
        /// What was counted.
        stats: Box<FlowStats>,
        /// Bytes of the connection that were missing there.
        missing_bytes: u64,
        /// What of the direction was neither frame nor message.
        stray: Option<Stray>,
    },
    /// What the pictures of a video were, at the interface's tap.
    Pictures(Box<PictureTotals>),
    /// A report on an interleaved channel of a direction that the kernel read.
    Report {
        /// Sender.
        from: SocketAddr,
        /// Receiver.
        to: SocketAddr,
        /// Number of the channel.
        channel: u8,
        /// When it passed.
        at: Timestamp,
        /// The RTCP packets.
        bytes: Vec<u8>,
    },
    /// What was not captured since the last such fact.
    Loss {
        /// What was lost.
        kind: LossKind,
        /// How often.
        count: u64,
        /// Whether it belongs to the interface's tap, and not to the whole run.
        of_tap: bool,
    },
    /// How the router's netfilter is set up.
    Setup(Box<RouterSetup>),
    /// A time in which the interface's tap saw nothing; with an end it takes the place of the same without.
    Blind(Blind),
    /// Until when all taps watched, whether anything came by or not.
    Watched {
        /// The end of it.
        until: Timestamp,
        /// Whether a clock told it, that of a live run, and not the last packet.
        by_clock: bool,
    },
}

impl Fact {
    /// Totals as a fact of their tap.
    pub fn of_totals(totals: &ChannelTotals) -> Self {
        let counted = &totals.counted;
        Self::Totals {
            from: counted.from,
            to: counted.to,
            channel: counted.channel,
            clock_rate: counted.clock_rate,
            stats: Box::new(counted.stats),
            missing_bytes: totals.missing_bytes,
            stray: totals.stray,
        }
    }

    /// The fact as an option's content.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer(Vec::with_capacity(512));
        out.0.extend_from_slice(&ENTERPRISE.to_le_bytes());
        out.0.extend_from_slice(MAGIC);
        out.0.extend_from_slice(&VERSION.to_le_bytes());
        match self {
            Self::Counters { from, to, stats } => {
                out.0.push(COUNTERS);
                out.address(*from);
                out.address(*to);
                out.stats(**stats);
            }
            Self::Loss {
                kind,
                count,
                of_tap,
            } => {
                out.0
                    .extend_from_slice(&[LOSS, code_of(*kind), u8::from(*of_tap)]);
                out.0.extend_from_slice(&count.to_le_bytes());
            }
            Self::Handover { from, to, returned } => {
                out.0.push(HANDOVER);
                out.address(*from);
                out.address(*to);
                out.returned(returned.as_ref());
            }
            Self::Channel {
                from,
                to,
                channel,
                clock_rate,
                stats,
            } => {
                out.0.push(CHANNEL);
                out.channel([*from, *to], *channel, *clock_rate);
                out.stats(**stats);
            }
            Self::Totals {
                from,
                to,
                channel,
                clock_rate,
                stats,
                missing_bytes,
                stray,
            } => {
                out.0.push(TOTALS);
                out.channel([*from, *to], *channel, *clock_rate);
                out.0.extend_from_slice(&missing_bytes.to_le_bytes());
                out.stats(**stats);
                out.0.push(u8::from(stray.is_some()));
                if let Some(Stray { bytes, at }) = stray {
                    out.0.extend_from_slice(&bytes.to_le_bytes());
                    out.0.extend_from_slice(&at.as_nanos().to_le_bytes());
                }
            }
            Self::Pictures(totals) => {
                out.0.push(PICTURES);
                out.address(totals.from);
                out.address(totals.to);
                out.0.push(u8::from(totals.channel.is_some()));
                visit_pictures(&mut (**totals).clone(), &mut out);
            }
            Self::Report {
                from,
                to,
                channel,
                at,
                bytes,
            } => {
                out.0.push(REPORT);
                out.address(*from);
                out.address(*to);
                out.0.push(*channel);
                out.0.extend_from_slice(&at.as_nanos().to_le_bytes());
                out.0.extend_from_slice(bytes);
            }
            Self::Setup(setup) => {
                out.0.push(SETUP);
                out.setup(setup);
            }
            Self::Blind(blind) => {
                out.0.push(BLIND);
                out.0
                    .extend_from_slice(&blind.since.as_nanos().to_le_bytes());
                if let Some(until) = blind.until {
                    out.0.extend_from_slice(&until.as_nanos().to_le_bytes());
                }
            }
            Self::Watched { until, by_clock } => {
                out.0.push(WATCHED);
                out.0.extend_from_slice(&until.as_nanos().to_le_bytes());
                out.0.push(u8::from(*by_clock));
            }
        }
        out.0
    }

    /// Reads an option's content; `None` for another program's or another version's.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let mut input = Reader {
            rest: bytes,
            short: false,
        };
        let ours = input.array().map(u32::from_le_bytes) == Some(ENTERPRISE)
            && input.array() == Some(*MAGIC)
            && input.array().map(u16::from_le_bytes) == Some(VERSION);
        if !ours {
            return None;
        }
        match input.array()? {
            [COUNTERS] => {
                let (from, to) = (input.address()?, input.address()?);
                let stats = input.stats()?;
                Some(Self::Counters { from, to, stats })
            }
            [HANDOVER] => {
                let (from, to) = (input.address()?, input.address()?);
                let [is_returned] = input.array()?;
                let returned = if is_returned == 0 {
                    None
                } else {
                    Some(input.returned()?)
                };
                Some(Self::Handover { from, to, returned })
            }
            [CHANNEL] => {
                let ([from, to], channel, clock_rate) = input.channel()?;
                Some(Self::Channel {
                    from,
                    to,
                    channel,
                    clock_rate,
                    stats: input.stats()?,
                })
            }
            [TOTALS] => {
                let ([from, to], channel, clock_rate) = input.channel()?;
                let missing_bytes = input.array().map(u64::from_le_bytes)?;
                Some(Self::Totals {
                    from,
                    to,
                    channel,
                    clock_rate,
                    stats: input.stats()?,
                    missing_bytes,
                    stray: input.stray(),
                })
            }
            [PICTURES] => Some(Self::Pictures(Box::new(input.pictures()?))),
            [REPORT] => Some(Self::Report {
                from: input.address()?,
                to: input.address()?,
                channel: input.array().map(|[channel]| channel)?,
                at: input.array().map(i64::from_le_bytes).map(Timestamp)?,
                bytes: input.rest.to_vec(),
            }),
            [LOSS] => {
                let [kind, of_tap] = input.array()?;
                let count = input.array().map(u64::from_le_bytes)?;
                Some(Self::Loss {
                    kind: kind_of(kind)?,
                    count,
                    of_tap: of_tap != 0,
                })
            }
            [SETUP] => Some(Self::Setup(Box::new(input.setup()?))),
            [BLIND] => {
                let since = input.array().map(i64::from_le_bytes).map(Timestamp)?;
                let until = input.array().map(i64::from_le_bytes).map(Timestamp);
                Some(Self::Blind(Blind { since, until }))
            }
            [WATCHED] => {
                let until = input.array().map(i64::from_le_bytes)?;
                // Earlier versions did not tell.
                let by_clock = input.array().is_some_and(|[told]| told != 0);
                Some(Self::Watched {
                    until: Timestamp(until),
                    by_clock,
                })
            }
            _ => None,
        }
    }
}

/// The loss kinds by their code in the file: the position here, which must stay.
const LOSS_KINDS: [LossKind; 14] = [
    LossKind::RingFull,
    LossKind::MapFull,
    LossKind::LoadFailed,
    LossKind::NotParsed,
    LossKind::DroppedByCapture,
    LossKind::FileCut,
    LossKind::ConnectionCap,
    LossKind::FlowCap,
    LossKind::MessageCap,
    LossKind::EventCap,
    LossKind::Fragments,
    LossKind::NetfilterOverrun,
    LossKind::NetfilterCap,
    LossKind::EndpointCap,
];

fn code_of(kind: LossKind) -> u8 {
    LOSS_KINDS
        .iter()
        .position(|known| *known == kind)
        .and_then(|code| u8::try_from(code).ok())
        .unwrap_or(u8::MAX)
}

fn kind_of(code: u8) -> Option<LossKind> {
    LOSS_KINDS.get(usize::from(code)).copied()
}

pub(super) struct Writer(pub(super) Vec<u8>);

impl Writer {
    /// Family, 16 bytes of address, port.
    fn address(&mut self, address: SocketAddr) {
        let mut octets = [0; 16];
        let family = match address.ip() {
            IpAddr::V4(ip) => {
                octets[..4].copy_from_slice(&ip.octets());
                4
            }
            IpAddr::V6(ip) => {
                octets = ip.octets();
                6
            }
        };
        self.0.push(family);
        self.0.extend_from_slice(&octets);
        self.0.extend_from_slice(&address.port().to_le_bytes());
    }

    /// Both ends, the number of a channel between them, and its clock.
    fn channel(&mut self, [from, to]: [SocketAddr; 2], channel: u8, clock_rate: u32) {
        self.address(from);
        self.address(to);
        self.0.push(channel);
        self.0.extend_from_slice(&clock_rate.to_le_bytes());
    }

    /// Counts, behind the version of their layout.
    fn stats(&mut self, mut stats: FlowStats) {
        self.0
            .extend_from_slice(&FlowStats::LAYOUT_VERSION.to_le_bytes());
        stats.visit_fields(self);
    }

    /// Whether there is one, then its fields.
    fn returned(&mut self, returned: Option<&Returned>) {
        self.0.push(u8::from(returned.is_some()));
        let Some(returned) = returned else { return };
        for number in [returned.from_seq, returned.seq, returned.acked] {
            self.0.extend_from_slice(&number.to_le_bytes());
        }
        self.0.extend_from_slice(&returned.head);
        self.0.push(returned.head_len);
        self.0.extend_from_slice(&returned.left.to_le_bytes());
        self.0.extend_from_slice(&returned.bytes.to_le_bytes());
        let last = returned.last.as_nanos();
        self.0.extend_from_slice(&last.to_le_bytes());
    }
}

impl Fields for Writer {
    fn field_u64(&mut self, value: &mut u64) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    fn field_u32(&mut self, value: &mut u32) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    fn field_u8(&mut self, value: &mut u8) {
        self.0.push(*value);
    }
}

pub(super) struct Reader<'a> {
    rest: &'a [u8],
    /// A field was asked for that is not there.
    short: bool,
}

impl<'a> Reader<'a> {
    pub(super) fn bytes(&mut self, len: usize) -> Option<&'a [u8]> {
        let (first, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        Some(first)
    }

    pub(super) fn array<const LEN: usize>(&mut self) -> Option<[u8; LEN]> {
        let Some((first, rest)) = self.rest.split_first_chunk::<LEN>() else {
            self.short = true;
            return None;
        };
        self.rest = rest;
        Some(*first)
    }

    /// What [`Writer::channel`] writes.
    fn channel(&mut self) -> Option<([SocketAddr; 2], u8, u32)> {
        let ends = [self.address()?, self.address()?];
        let [channel] = self.array()?;
        Some((ends, channel, self.array().map(u32::from_le_bytes)?))
    }

    /// Counts of the layout of this version.
    fn stats(&mut self) -> Option<Box<FlowStats>> {
        let version = self.array().map(u16::from_le_bytes)?;
        let mut stats = Box::<FlowStats>::default();
        stats.visit_fields(self);
        (version == FlowStats::LAYOUT_VERSION && !self.short).then_some(stats)
    }

    /// The fields that [`Writer::returned`] writes.
    fn returned(&mut self) -> Option<Returned> {
        let mut number = || self.array().map(u32::from_le_bytes);
        let (from_seq, seq, acked) = (number()?, number()?, number()?);
        let head = self.array()?;
        let [head_len] = self.array()?;
        Some(Returned {
            from_seq,
            seq,
            acked,
            head,
            head_len,
            left: self.array().map(u16::from_le_bytes)?,
            bytes: self.array().map(u64::from_le_bytes)?,
            last: Timestamp(self.array().map(i64::from_le_bytes)?),
        })
    }

    fn address(&mut self) -> Option<SocketAddr> {
        let [family] = self.array()?;
        let octets: [u8; 16] = self.array()?;
        let port = u16::from_le_bytes(self.array()?);
        let ip = match (family, octets) {
            (4, [a, b, c, d, ..]) => IpAddr::from([a, b, c, d]),
            (6, octets) => IpAddr::from(octets),
            _ => return None,
        };
        Some(SocketAddr::new(ip, port))
    }
}

impl Reader<'_> {
    /// Earlier versions did not tell.
    fn stray(&mut self) -> Option<Stray> {
        let [is_there] = self.array()?;
        if is_there == 0 {
            return None;
        }
        Some(Stray {
            bytes: self.array().map(u64::from_le_bytes)?,
            at: Timestamp(self.array().map(i64::from_le_bytes)?),
        })
    }

    /// What the pictures of a video were, at a tap that is not known yet.
    fn pictures(&mut self) -> Option<PictureTotals> {
        let (from, to) = (self.address()?, self.address()?);
        let [in_channel] = self.array()?;
        let mut totals = PictureTotals {
            tap: TapId(0),
            from,
            to,
            channel: (in_channel != 0).then_some(0),
            ssrc: 0,
            all: PictureSpan::default(),
            h264: KeyPictureTotals::default(),
            h265: KeyPictureTotals::default(),
        };
        visit_pictures(&mut totals, self);
        (!self.short).then_some(totals)
    }
}

/// Shows each number of what pictures were to a reader or a writer, in the order of the file.
fn visit_pictures(totals: &mut PictureTotals, fields: &mut impl Fields) {
    if let Some(channel) = &mut totals.channel {
        fields.field_u8(channel);
    }
    fields.field_u32(&mut totals.ssrc);
    visit_span(&mut totals.all, fields);
    for keys in [&mut totals.h264, &mut totals.h265] {
        visit_span(&mut keys.pictures, fields);
        visit_nanos(&mut keys.longest_gap.0, fields);
        let mut sets = u8::from(keys.parameter_sets);
        fields.field_u8(&mut sets);
        keys.parameter_sets = sets != 0;
    }
}

fn visit_span(span: &mut PictureSpan, fields: &mut impl Fields) {
    fields.field_u64(&mut span.count);
    visit_nanos(&mut span.first_at.0, fields);
    visit_nanos(&mut span.last_at.0, fields);
}

fn visit_nanos(nanos: &mut i64, fields: &mut impl Fields) {
    let mut bits = nanos.cast_unsigned();
    fields.field_u64(&mut bits);
    *nanos = bits.cast_signed();
}

impl Fields for Reader<'_> {
    fn field_u64(&mut self, value: &mut u64) {
        *value = self.array().map(u64::from_le_bytes).unwrap_or_default();
    }

    fn field_u32(&mut self, value: &mut u32) {
        *value = self.array().map(u32::from_le_bytes).unwrap_or_default();
    }

    fn field_u8(&mut self, value: &mut u8) {
        *value = self.array().map(u8::from_le_bytes).unwrap_or_default();
    }
}
