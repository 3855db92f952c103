//! The packets of a compound.

use super::blocks::{ReportBlocks, Sources, be32};
use super::extended::ExtendedBlocks;
use super::feedback::Feedback;

/// Iterates over the packets in one RTCP datagram or interleaved frame.
pub const fn packets(bytes: &[u8]) -> Packets<'_> {
    Packets { rest: bytes }
}

/// See [`packets`].
#[derive(Clone, Debug)]
pub struct Packets<'a> {
    rest: &'a [u8],
}

/// The first four bytes of every RTCP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Report count, source count or subtype, by packet type.
    pub count: u8,
    /// Packet type: 200 to 207.
    pub packet_type: u8,
    /// Length of the whole packet in bytes, as its header says.
    pub len: usize,
    /// The padding bit.
    pub padding: bool,
}

/// One packet of a compound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Packet<'a> {
    /// Type 200.
    SenderReport(SenderReport<'a>),
    /// Type 201.
    ReceiverReport(ReceiverReport<'a>),
    /// Type 202.
    SourceDescription(Chunks<'a>),
    /// Type 203.
    Bye(Bye<'a>),
    /// Type 204.
    App(App<'a>),
    /// Types 205 and 206.
    Feedback(Feedback<'a>),
    /// Type 207.
    ExtendedReport(ExtendedReport<'a>),
    /// A type that is not read further, or one too short for its own fields.
    Other {
        /// The common header.
        header: Header,
        /// What follows the header, as far as it is there.
        body: &'a [u8],
    },
}

/// A sender report (RFC 3550 §6.4.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SenderReport<'a> {
    /// The sender.
    pub ssrc: u32,
    /// Wall clock of the sender: seconds since 1900 in the high half, 2^-32 s in the low half.
    pub ntp: u64,
    /// The same instant on the RTP clock.
    pub rtp_timestamp: u32,
    /// RTP packets sent since the beginning.
    pub packet_count: u32,
    /// Payload bytes sent since the beginning.
    pub octet_count: u32,
    /// What it receives itself.
    pub reports: ReportBlocks<'a>,
}

/// A receiver report (RFC 3550 §6.4.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiverReport<'a> {
    /// The receiver that reports.
    pub ssrc: u32,
    /// What it receives.
    pub reports: ReportBlocks<'a>,
}

/// The chunks of a source description (RFC 3550 §6.5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunks<'a> {
    bytes: &'a [u8],
    left: u8,
}

/// What a source says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SdesChunk<'a> {
    /// The source.
    pub ssrc: u32,
    /// Its canonical name (item 1), as bytes.
    pub cname: Option<&'a [u8]>,
}

/// A goodbye (RFC 3550 §6.6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bye<'a> {
    /// Who leaves.
    pub sources: Sources<'a>,
    /// Why, if it says so.
    pub reason: Option<&'a [u8]>,
}

/// An application-defined packet (RFC 3550 §6.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct App<'a> {
    /// Who sent it.
    pub ssrc: u32,
    /// Subtype of 5 bits.
    pub subtype: u8,
    /// Four ASCII letters.
    pub name: [u8; 4],
    /// The rest.
    pub data: &'a [u8],
}

/// An extended report (RFC 3611 §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExtendedReport<'a> {
    /// Who reports.
    pub ssrc: u32,
    /// The report blocks as bytes.
    pub blocks: &'a [u8],
}

impl<'a> ExtendedReport<'a> {
    /// The report blocks, read.
    pub const fn report_blocks(&self) -> ExtendedBlocks<'a> {
        ExtendedBlocks::new(self.blocks)
    }
}

impl<'a> Iterator for Packets<'a> {
    type Item = Packet<'a>;

    fn next(&mut self) -> Option<Packet<'a>> {
        let header = Header::read(self.rest)?;
        let end = header.len.min(self.rest.len());
        let body = self.rest.get(4..end)?;
        self.rest = self.rest.get(end..).unwrap_or_default();
        Some(
            read_body(header, without_padding(header, body))
                .unwrap_or(Packet::Other { header, body }),
        )
    }
}

impl Header {
    /// Reads a header; `None` without four bytes of version 2 and a packet type of RTCP (192 to 223, RFC 5761 §4).
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let &[first, packet_type, high, low, ..] = bytes else {
            return None;
        };
        if first >> 6 != 2 || !(192..=223).contains(&packet_type) {
            return None;
        }
        let words = usize::from(u16::from_be_bytes([high, low])) + 1;
        Some(Self {
            count: first & 0x1f,
            packet_type,
            len: words * 4,
            padding: first & 0x20 != 0,
        })
    }
}

/// The body without the padding that its last byte counts (RFC 3550 §6.4.1); an impossible count is ignored.
fn without_padding(header: Header, body: &[u8]) -> &[u8] {
    if !header.padding || body.len() + 4 < header.len {
        return body;
    }
    let padding = body.last().map_or(0, |&count| usize::from(count));
    body.len()
        .checked_sub(padding)
        .and_then(|end| body.get(..end))
        .unwrap_or(body)
}

fn read_body(header: Header, body: &[u8]) -> Option<Packet<'_>> {
    Some(match header.packet_type {
        200 => Packet::SenderReport(SenderReport {
            ssrc: be32(body, 0)?,
            ntp: u64::from(be32(body, 4)?) << 32 | u64::from(be32(body, 8)?),
            rtp_timestamp: be32(body, 12)?,
            packet_count: be32(body, 16)?,
            octet_count: be32(body, 20)?,
            reports: ReportBlocks::new(body.get(24..)?, header.count),
        }),
        201 => Packet::ReceiverReport(ReceiverReport {
            ssrc: be32(body, 0)?,
            reports: ReportBlocks::new(body.get(4..)?, header.count),
        }),
        202 => Packet::SourceDescription(Chunks {
            bytes: body,
            left: header.count,
        }),
        203 => Packet::Bye(Bye {
            sources: Sources::new(body, header.count),
            reason: bye_reason(header, body),
        }),
        204 => Packet::App(App {
            ssrc: be32(body, 0)?,
            subtype: header.count,
            name: *body.get(4..)?.first_chunk()?,
            data: body.get(8..)?,
        }),
        205 | 206 => Packet::Feedback(Feedback::read(header.packet_type, header.count, body)?),
        207 => Packet::ExtendedReport(ExtendedReport {
            ssrc: be32(body, 0)?,
            blocks: body.get(4..)?,
        }),
        _ => return None,
    })
}

fn bye_reason(header: Header, body: &[u8]) -> Option<&[u8]> {
    let (&len, text) = body.get(usize::from(header.count) * 4..)?.split_first()?;
    text.get(..usize::from(len))
        .filter(|reason| !reason.is_empty())
}

impl<'a> Iterator for Chunks<'a> {
    type Item = SdesChunk<'a>;

    fn next(&mut self) -> Option<SdesChunk<'a>> {
        self.left = self.left.checked_sub(1)?;
        let ssrc = be32(self.bytes, 0)?;
        let (cname, items_len) = read_items(self.bytes.get(4..)?);
        // A chunk ends with at least one zero byte and fills its last 32-bit word.
        let len = (4 + items_len + 1).next_multiple_of(4);
        self.bytes = self.bytes.get(len..).unwrap_or_default();
        Some(SdesChunk { ssrc, cname })
    }
}

/// Item type of the canonical name (RFC 3550 §6.5.1).
const CNAME: u8 = 1;

/// The canonical name among the items, and the length of the items without the zero byte that ends them.
fn read_items(bytes: &[u8]) -> (Option<&[u8]>, usize) {
    let (mut cname, mut at) = (None, 0);
    while let Some((&kind, after)) = bytes.get(at..).and_then(<[u8]>::split_first) {
        let Some((&len, text)) = after.split_first().filter(|_| kind != 0) else {
            break;
        };
        let Some(text) = text.get(..usize::from(len)) else {
            return (cname, bytes.len());
        };
        if kind == CNAME && cname.is_none() {
            cname = Some(text);
        }
        at += 2 + text.len();
    }
    (cname, at)
}
