//! The pcapng format: sections, interfaces that are taps, packets with direction, statistics that tell of drops
//! (draft-ietf-opsawg-pcapng). Frames are numbered over the whole file, as Wireshark does.

mod enhanced;
mod interface;
mod packet;

use std::io;

use pcap_parser::pcapng::{Block, InterfaceStatisticsBlock, parse_block_be, parse_block_le};
use rtsp_ebpf_common::flow::FlowStats;
use rtspscope_engine::{
    ChannelCounters, ChannelReport, ChannelTotals, FlowCounters, Handover, LossKind,
};
use rtspscope_wire::Timestamp;

use self::interface::{Interface, KnownTaps, MAX_INTERFACES};
use super::item::{Item, Ready, Step, Tap, What};
use super::link_types::is_readable;
use super::options;
use super::tap_opener::TapOpener;
use super::window::Window;
use crate::record::{self, Fact};

/// Type of a section header block; it reads the same in both byte orders.
const SECTION_HEADER: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];
/// Byte-order magic of a big-endian section.
const BIG_ENDIAN_MAGIC: [u8; 4] = [0x1a, 0x2b, 0x3c, 0x4d];
const LITTLE_ENDIAN_MAGIC: [u8; 4] = [0x4d, 0x3c, 0x2b, 0x1a];

/// Type, two lengths: a block without a body.
const MIN_BLOCK_LEN: usize = 12;

/// Longest block that is read into memory; longer ones of other kinds are stepped over.
const MAX_BLOCK_LEN: usize = 16 << 20;

/// Block types that hold a frame: enhanced, simple, and the obsolete one.
const PACKET_BLOCKS: [u32; 3] = [6, 3, 2];

/// Block types without which what follows cannot be read: packets, interfaces, sections.
const NEEDED_BLOCKS: [u32; 5] = [6, 3, 2, 1, 0x0a0d_0d0a];

/// Codes of the options that count drops: `isb_ifdrop`, `isb_osdrop`.
const DROP_OPTIONS: [u16; 2] = [5, 7];

/// Reader of a pcapng file.
#[derive(Debug, Default)]
pub(crate) struct Pcapng {
    big_endian: bool,
    /// Interfaces of the present section, by their number in it.
    interfaces: Vec<Interface>,
    known: KnownTaps,
    /// Frames in the files that this one goes on with.
    frames_before: u64,
    /// Frames so far, those before too.
    frames: u64,
    last_at: Timestamp,
}

impl Pcapng {
    /// A reader at the front of a file.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// A reader at the front of the file that goes on with the capture of the one `before`. An interface that was described
    /// there goes on with its tap, as in a later section of one file.
    pub(crate) fn after(before: &Self) -> Self {
        Self {
            known: before.known.clone(),
            frames_before: before.frames,
            frames: before.frames,
            ..Self::default()
        }
    }

    /// Whether a file that begins with these bytes is one.
    pub(crate) fn is_magic(magic: [u8; 4]) -> bool {
        magic == SECTION_HEADER
    }

    /// Number of the last frame.
    pub(crate) const fn last_number(&self) -> u64 {
        self.frames
    }

    /// Whether `other` can be a later part of the same capture: it has the same interfaces, as far as it has any.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        self.known.include(&other.known)
    }

    /// The taps that are open.
    pub(crate) fn taps(&self) -> impl Iterator<Item = Tap> {
        self.known.all()
    }

    /// The tap that was opened last.
    pub(crate) fn last_tap(&self) -> Option<Tap> {
        self.known.last()
    }

    /// Reads on to the next item.
    pub(crate) fn step(
        &mut self,
        window: &mut Window,
        taps: &mut TapOpener<'_>,
    ) -> io::Result<Step> {
        loop {
            if !window.fill(MIN_BLOCK_LEN)? {
                return Ok(if window.data().is_empty() {
                    Step::End
                } else {
                    self.cut()
                });
            }
            let Some(header) = window.data().first_chunk::<MIN_BLOCK_LEN>().copied() else {
                return Ok(self.cut());
            };
            let Some((kind, len)) = self.read_block_header(header) else {
                return Ok(damaged(window));
            };
            if len > MAX_BLOCK_LEN {
                if PACKET_BLOCKS.contains(&kind) {
                    return Ok(damaged(window));
                }
                if !window.skip(len as u64)? {
                    return Ok(self.cut());
                }
                continue;
            }
            if !window.fill(len)? {
                return Ok(self.cut());
            }
            match self.read_block(kind, window.data().get(..len).unwrap_or_default(), taps) {
                Ok(Some(item)) => {
                    self.last_at = item.at;
                    return Ok(Step::Item(item, len));
                }
                Ok(None) => window.consume(len),
                Err(Stop::Damaged) => return Ok(damaged(window)),
                Err(Stop::TooManyInterfaces) => {
                    let what = format!("describes more than {MAX_INTERFACES} interfaces");
                    return Ok(Step::Cut(what));
                }
            }
        }
    }

    /// Reads the frame at the front of `data`, where its block is as nearly all are, all of it is there, and it was seen at a
    /// tap. Else all is as it was.
    #[inline]
    pub(crate) fn ready(&mut self, data: &[u8]) -> Option<Ready> {
        let block = enhanced::read(data, self.big_endian)?;
        let interface = self.interfaces.get(block.interface)?;
        let link_type = interface.link_type;
        let Tap::Open(tap) = interface.tap else {
            return None;
        };
        if !is_readable(link_type) {
            return None;
        }
        self.frames += 1;
        self.last_at = interface.time_of(block.ticks);
        Some(Ready {
            at: self.last_at,
            tap,
            number: self.frames,
            link_type,
            direction: block.direction,
            original_len: block.original_len,
            bytes: block.bytes,
            len: block.len,
        })
    }

    /// Type and total length of the next block; `None` if they make no sense. Takes over a section's byte order.
    fn read_block_header(&mut self, header: [u8; MIN_BLOCK_LEN]) -> Option<(u32, usize)> {
        let [t0, t1, t2, t3, l0, l1, l2, l3, m0, m1, m2, m3] = header;
        let kind = [t0, t1, t2, t3];
        if kind == SECTION_HEADER {
            self.big_endian = match [m0, m1, m2, m3] {
                BIG_ENDIAN_MAGIC => true,
                LITTLE_ENDIAN_MAGIC => false,
                _ => return None,
            };
        }
        let len = options::u32_of([l0, l1, l2, l3], self.big_endian) as usize;
        (len >= MIN_BLOCK_LEN).then_some((options::u32_of(kind, self.big_endian), len))
    }

    /// Reads one whole block; `None` for one that holds nothing of interest.
    fn read_block(
        &mut self,
        kind: u32,
        bytes: &[u8],
        taps: &mut TapOpener<'_>,
    ) -> Result<Option<Item>, Stop> {
        let parse = if self.big_endian {
            parse_block_be
        } else {
            parse_block_le
        };
        let Ok((_, block)) = parse(bytes) else {
            return if NEEDED_BLOCKS.contains(&kind) {
                Err(Stop::Damaged)
            } else {
                Ok(None)
            };
        };
        let packet = match &block {
            Block::SectionHeader(_) => {
                self.interfaces.clear();
                return Ok(None);
            }
            Block::InterfaceDescription(description) => {
                let (number, known) = (self.interfaces.len(), &mut self.known);
                let interface = Interface::read(description, self.big_endian, number, known, taps);
                self.interfaces
                    .push(interface.ok_or(Stop::TooManyInterfaces)?);
                return Ok(None);
            }
            Block::InterfaceStatistics(statistics) => return Ok(self.read_statistics(statistics)),
            Block::EnhancedPacket(packet) => packet::of_enhanced(packet, self.big_endian),
            Block::SimplePacket(packet) => packet::of_simple(packet, self.interfaces.first()),
            Block::Unknown(block) if block.block_type == packet::OBSOLETE => {
                packet::of_obsolete(block.data, self.big_endian).ok_or(Stop::Damaged)?
            }
            Block::NameResolution(_)
            | Block::SystemdJournalExport(_)
            | Block::DecryptionSecrets(_)
            | Block::ProcessInformation(_)
            | Block::Custom(_)
            | Block::Unknown(_) => return Ok(None),
        };
        self.frames += 1;
        let interface = self.interfaces.get(packet.interface).ok_or(Stop::Damaged)?;
        let what = What::Frame {
            number: self.frames,
            link_type: interface.link_type,
            direction: packet.direction,
            original_len: packet.original_len,
            bytes: packet.bytes,
        };
        let at = packet
            .ticks
            .map_or(self.last_at, |ticks| interface.time_of(ticks));
        Ok(Some(Item {
            at,
            tap: interface.tap,
            what,
        }))
    }

    /// What an interface's statistics tell: counters that a recording keeps there, or drops since the last ones.
    fn read_statistics(&mut self, block: &InterfaceStatisticsBlock<'_>) -> Option<Item> {
        let interface = self.interfaces.get_mut(block.if_id as usize)?;
        let at = interface.time_of(u64::from(block.ts_high) << 32 | u64::from(block.ts_low));
        let fact = options::value(&block.options, record::FACT_OPTION).and_then(Fact::decode);
        // A recording has a tap for each of its interfaces.
        let tap = if let Tap::Open(tap) = interface.tap {
            Some(tap)
        } else {
            None
        };
        let counted = |from, to, channel, clock_rate, stats: Box<FlowStats>| {
            Some(ChannelCounters {
                tap: tap?,
                from,
                to,
                channel,
                clock_rate,
                stats: *stats,
            })
        };
        let what = match fact {
            Some(Fact::Counters { from, to, stats }) => What::Counters(Box::new(FlowCounters {
                tap: tap?,
                from,
                to,
                stats: *stats,
            })),
            Some(Fact::Handover { from, to, returned }) => What::Handover(Box::new(Handover {
                tap: tap?,
                from,
                to,
                returned,
            })),
            Some(Fact::Channel {
                from,
                to,
                channel,
                clock_rate,
                stats,
            }) => What::Channel(Box::new(counted(from, to, channel, clock_rate, stats)?)),
            Some(Fact::Totals {
                from,
                to,
                channel,
                clock_rate,
                stats,
                missing_bytes,
                stray,
            }) => What::Totals(Box::new(ChannelTotals {
                counted: counted(from, to, channel, clock_rate, stats)?,
                missing_bytes,
                stray,
            })),
            Some(Fact::Pictures(mut totals)) => {
                totals.tap = tap?;
                What::Pictures(totals)
            }
            Some(Fact::Report {
                from,
                to,
                channel,
                at,
                bytes,
            }) => What::Report(Box::new(ChannelReport {
                tap: tap?,
                from,
                to,
                channel,
                at,
                bytes,
            })),
            Some(Fact::Loss {
                kind,
                count,
                of_tap,
            }) => What::Loss {
                kind,
                count,
                of_tap,
            },
            Some(Fact::Setup(setup)) => What::Setup(setup),
            Some(Fact::Blind(blind)) => What::Blind(tap?, blind),
            Some(Fact::Watched { until, by_clock }) => What::Watched { until, by_clock },
            None => {
                let dropped = DROP_OPTIONS
                    .iter()
                    .filter_map(|code| options::number(&block.options, *code, self.big_endian))
                    .fold(0, u64::saturating_add);
                let count = dropped.saturating_sub(interface.dropped);
                interface.dropped = interface.dropped.max(dropped);
                if count == 0 {
                    return None;
                }
                What::Loss {
                    kind: LossKind::DroppedByCapture,
                    count,
                    of_tap: true,
                }
            }
        };
        // Statistics are written when a capture ends and may carry any time; they must not jump ahead of packets.
        Some(Item {
            at: if self.frames > self.frames_before {
                self.last_at.min(at)
            } else {
                at
            },
            tap: interface.tap,
            what,
        })
    }

    /// Frames of this file so far.
    const fn own_frames(&self) -> u64 {
        self.frames - self.frames_before
    }

    fn cut(&self) -> Step {
        Step::Cut(match (self.own_frames(), self.last_tap()) {
            (0, None) => "ends in the file header".to_owned(),
            (0, Some(_)) => "ends in the middle of a block".to_owned(),
            (frames, _) => format!("ends in the middle of a block, after frame {frames}"),
        })
    }
}

/// Why reading goes no further than a block.
#[derive(Debug)]
enum Stop {
    /// It does not hold what its type promises.
    Damaged,
    /// It describes one interface more than are kept.
    TooManyInterfaces,
}

fn damaged(window: &Window) -> Step {
    Step::Cut(format!(
        "is damaged: the block at byte {} cannot be read",
        window.offset()
    ))
}
