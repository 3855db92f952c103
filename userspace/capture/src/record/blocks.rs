//! The blocks of a pcapng file, little-endian (draft-ietf-opsawg-pcapng §4).

use rtspscope_wire::{Direction, FrameRef, LinkType, Timestamp};

use super::FACT_OPTION;

const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const BYTE_ORDER_MAGIC: u32 = 0x1a2b_3c4d;
const INTERFACE_DESCRIPTION: u32 = 1;
const INTERFACE_STATISTICS: u32 = 5;
const ENHANCED_PACKET: u32 = 6;

const COMMENT: u16 = 1;
const SHB_USERAPPL: u16 = 4;
const IF_NAME: u16 = 2;
const IF_DESCRIPTION: u16 = 3;
const IF_TSRESOL: u16 = 9;
const EPB_FLAGS: u16 = 2;

/// `if_tsresol` of nanoseconds.
const NANOSECONDS: u8 = 9;

/// The head of the file, with what there is to say about it.
pub fn section(out: &mut Vec<u8>, comment: Option<&str>) {
    block(out, SECTION_HEADER, |body| {
        body.extend_from_slice(&BYTE_ORDER_MAGIC.to_le_bytes());
        body.extend_from_slice(&1_u16.to_le_bytes());
        body.extend_from_slice(&0_u16.to_le_bytes());
        body.extend_from_slice(&(-1_i64).to_le_bytes());
        if let Some(comment) = comment {
            option(body, COMMENT, comment.as_bytes());
        }
        option(
            body,
            SHB_USERAPPL,
            concat!("rtspscope ", env!("CARGO_PKG_VERSION")).as_bytes(),
        );
        end_of_options(body);
    });
}

/// A tap.
pub fn interface(out: &mut Vec<u8>, link_type: LinkType, name: &str, description: &str) {
    block(out, INTERFACE_DESCRIPTION, |body| {
        body.extend_from_slice(&link_type.0.to_le_bytes());
        body.extend_from_slice(&[0; 2]);
        body.extend_from_slice(&0_u32.to_le_bytes());
        option(body, IF_NAME, name.as_bytes());
        option(body, IF_DESCRIPTION, description.as_bytes());
        option(body, IF_TSRESOL, &[NANOSECONDS]);
        end_of_options(body);
    });
}

/// A frame, with what there is to say about it.
pub fn packet(out: &mut Vec<u8>, interface: u32, frame: &FrameRef<'_>, comment: Option<&str>) {
    let flags: u32 = match frame.direction {
        Direction::Ingress => 0b01,
        Direction::Egress => 0b10,
        Direction::Unknown => 0,
    };
    let captured_len = u32::try_from(frame.bytes.len()).unwrap_or(u32::MAX);
    block(out, ENHANCED_PACKET, |body| {
        body.extend_from_slice(&interface.to_le_bytes());
        time(body, frame.at);
        body.extend_from_slice(&captured_len.to_le_bytes());
        body.extend_from_slice(&frame.original_len.to_le_bytes());
        body.extend_from_slice(frame.bytes);
        pad(body);
        if let Some(comment) = comment {
            option(body, COMMENT, comment.as_bytes());
        }
        if flags != 0 {
            option(body, EPB_FLAGS, &flags.to_le_bytes());
        }
        if flags != 0 || comment.is_some() {
            end_of_options(body);
        }
    });
}

/// Statistics that carry one fact.
pub fn statistics(out: &mut Vec<u8>, interface: u32, at: Timestamp, fact: &[u8]) {
    block(out, INTERFACE_STATISTICS, |body| {
        body.extend_from_slice(&interface.to_le_bytes());
        time(body, at);
        option(body, FACT_OPTION, fact);
        end_of_options(body);
    });
}

/// A block around what `fill` writes, padded.
fn block(out: &mut Vec<u8>, kind: u32, fill: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&kind.to_le_bytes());
    out.extend_from_slice(&[0; 4]);
    fill(out);
    pad(out);
    let len = u32::try_from(out.len() - start + 4)
        .unwrap_or(u32::MAX)
        .to_le_bytes();
    out.extend_from_slice(&len);
    if let Some(field) = out.get_mut(start + 4..start + 8) {
        field.copy_from_slice(&len);
    }
}

fn option(body: &mut Vec<u8>, code: u16, value: &[u8]) {
    let value = value.get(..usize::from(u16::MAX)).unwrap_or(value);
    body.extend_from_slice(&code.to_le_bytes());
    body.extend_from_slice(&(value.len() as u16).to_le_bytes());
    body.extend_from_slice(value);
    pad(body);
}

fn end_of_options(body: &mut Vec<u8>) {
    body.extend_from_slice(&[0; 4]);
}

/// The file's blocks all begin at multiples of four, and so padding may count from its front.
fn pad(out: &mut Vec<u8>) {
    out.resize(out.len().next_multiple_of(4), 0);
}

/// High half, then low half; times before 1970 cannot be written.
fn time(body: &mut Vec<u8>, at: Timestamp) {
    let nanos = at.as_nanos().max(0).cast_unsigned();
    body.extend_from_slice(&((nanos >> 32) as u32).to_le_bytes());
    body.extend_from_slice(&(nanos as u32).to_le_bytes());
}
