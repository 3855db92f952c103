//! Blanks the credentials in the kept frames, byte for byte, and keeps their checksums right.
//!
//! A secret may lie across segments, come again in a repeated one, and be quoted by an ICMP error. So the segments of each
//! direction are laid out as a stream first, and each takes from it the bytes that are blanked there.

mod streams;

use std::collections::HashMap;
use std::net::IpAddr;

use rtspscope_wire::decode::{self, Body, IpPacket};
use rtspscope_wire::rtsp::auth::{self, Island};
use rtspscope_wire::{FrameRef, LinkType, TapId};

use super::Kept;
use super::checksum;
use streams::{Part, Streams};

/// Bytes of an ICMP header before the packet that it quotes.
const ICMP_LEN: usize = 8;
/// Bytes of a TCP header without options.
const TCP_LEN: usize = 20;

/// What all fragments of a packet share.
type PacketKey = (TapId, u32, u8, IpAddr, IpAddr);

/// Blanks all secrets.
pub(super) fn redact(frames: &mut [Kept]) {
    let mut streams = Streams::default();
    for (index, kept) in frames.iter().enumerate() {
        if let Some((flow, part)) = part_of(index, kept) {
            streams.add(flow, kept.frame.at, part);
        }
    }
    let mut blanked: Vec<Box<[u8]>> = frames.iter().map(|kept| kept.frame.bytes.clone()).collect();
    streams.blank(&mut blanked);
    for (kept, bytes) in frames.iter().zip(&mut blanked) {
        blank_alone(&kept.frame.borrow(), bytes);
    }
    repair(frames, &mut blanked);
    for (kept, bytes) in frames.iter_mut().zip(blanked) {
        kept.frame.bytes = bytes;
    }
}

/// The part of a TCP stream that a frame holds.
fn part_of(index: usize, kept: &Kept) -> Option<(streams::Flow, Part)> {
    let frame = kept.frame.borrow();
    let packet = decode::ip(&frame).ok()?;
    let Body::Tcp(segment) = decode::transport(&packet).body else {
        return None;
    };
    if packet.fragment.is_some() {
        return None;
    }
    let end = packet.offset + packet.payload.len();
    let part = Part {
        frame: index,
        range: end - segment.payload.len()..end,
        seq: segment.seq.wrapping_add(u32::from(segment.flags.syn())),
        is_begin: segment.flags.syn(),
        is_cut: segment.payload.len() < segment.payload_len as usize,
    };
    Some(((kept.frame.tap, segment.source, segment.destination), part))
}

/// Blanks in frames that are not parts of a stream: datagrams, quoted packets, fragments.
fn blank_alone(frame: &FrameRef<'_>, bytes: &mut [u8]) {
    let Ok(packet) = decode::ip(frame) else {
        return blank_range(bytes, 0, false);
    };
    let start = packet.offset;
    match packet.protocol {
        // A part of a segment that is not the whole: text of which nothing tells where it belongs.
        checksum::TCP => {
            if let Some(fragment) = packet.fragment {
                let header = if fragment.offset == 0 { TCP_LEN } else { 0 };
                let payload = bytes.get_mut(start + header..start + packet.payload.len());
                payload.unwrap_or_default().fill(b'*');
            }
        }
        checksum::ICMP | checksum::ICMPV6 => blank_quoted(&packet, bytes),
        _ => blank_range(bytes, start, false),
    }
}

fn blank_range(bytes: &mut [u8], from: usize, is_cut: bool) {
    if let Some(bytes) = bytes.get_mut(from..) {
        auth::blank(&mut Island {
            bytes,
            after_gap: is_cut,
            before_gap: is_cut,
        });
    }
}

/// The packet that an ICMP error quotes, of which the end is missing.
fn blank_quoted(packet: &IpPacket<'_>, bytes: &mut [u8]) {
    let quoted = packet.payload.get(ICMP_LEN..).unwrap_or_default();
    let frame = FrameRef {
        at: rtspscope_wire::Timestamp::default(),
        tap: TapId(0),
        direction: rtspscope_wire::Direction::Unknown,
        link_type: LinkType::RAW,
        number: 0,
        original_len: quoted.len() as u32,
        bytes: quoted,
    };
    let from = packet.offset + ICMP_LEN;
    let Ok(inner) = decode::ip(&frame) else {
        return blank_range(bytes, from, false);
    };
    let header_len = match inner.protocol {
        checksum::TCP => inner
            .payload
            .get(12)
            .map_or(TCP_LEN, |byte| usize::from(byte >> 4) * 4),
        _ => 8,
    };
    let is_text = inner.protocol == checksum::TCP;
    blank_range(bytes, from + inner.offset + header_len, is_text);
    let range = from + inner.offset..from + inner.offset + inner.payload.len();
    let growth = checksum::growth(inner.payload, bytes.get(range).unwrap_or_default());
    let shifted = IpPacket {
        offset: from + inner.offset,
        ..inner
    };
    apply(&shifted, bytes, growth);
}

/// Brings the checksums in line with what was blanked; those of fragments are in the first of them.
fn repair(frames: &[Kept], blanked: &mut [Box<[u8]>]) {
    let mut fragments: HashMap<PacketKey, (u32, Option<usize>)> = HashMap::new();
    for (index, (kept, bytes)) in frames.iter().zip(blanked.iter_mut()).enumerate() {
        let frame = kept.frame.borrow();
        let Ok(packet) = decode::ip(&frame) else {
            continue;
        };
        let range = packet.offset..packet.offset + packet.payload.len();
        let new = bytes.get(range).unwrap_or_default();
        let growth = checksum::growth(packet.payload, new);
        if let Some(fragment) = packet.fragment {
            let entry = fragments.entry(key(kept.frame.tap, &packet, fragment.id));
            let (sum, first) = entry.or_default();
            *sum = checksum::sum(*sum, growth);
            if fragment.offset == 0 {
                *first = Some(index);
            }
        } else {
            apply(&packet, bytes, growth);
        }
    }
    for (growth, first) in fragments.into_values() {
        let Some(index) = first else { continue };
        let first = frames.get(index).zip(blanked.get_mut(index));
        let Some((kept, bytes)) = first else { continue };
        let frame = kept.frame.borrow();
        if let Ok(packet) = decode::ip(&frame) {
            apply(&packet, bytes, growth);
        }
    }
}

fn key(tap: TapId, packet: &IpPacket<'_>, id: u32) -> PacketKey {
    (tap, id, packet.protocol, packet.source, packet.destination)
}

fn apply(packet: &IpPacket<'_>, bytes: &mut [u8], growth: u32) {
    let Some(place) = checksum::place(packet.protocol) else {
        return;
    };
    let end = packet.offset + packet.payload.len();
    if let Some(field) = bytes.get_mut(packet.offset + place..end) {
        checksum::apply(field, growth, packet.protocol);
    }
}
