//! The classic pcap format: one header, one link type, one tap (draft-ietf-opsawg-pcap).

use std::io;

use pcap_parser::pcap::{
    parse_pcap_frame, parse_pcap_frame_be, parse_pcap_frame_modified, parse_pcap_header,
};
use rtspscope_wire::{Direction, LinkType, Timestamp};

use super::capture_file::{Item, Step, Tap, TapOpener, What};
use super::link_types::link_type_of;
use super::window::Window;

const HEADER_LEN: usize = 24;

/// Header of a record; Alexey Kuznetsov's variant adds interface, protocol and packet type.
const RECORD_HEADER_LEN: usize = 16;
const MODIFIED_RECORD_HEADER_LEN: usize = 24;

/// Longest record that is believed: four times libpcap's largest snapshot length (`MAXIMUM_SNAPLEN`, 262144).
const MAX_RECORD_LEN: usize = 1 << 20;

/// Reader of a pcap file.
#[derive(Debug)]
pub(crate) struct Legacy {
    tap: Tap,
    link_type: LinkType,
    big_endian: bool,
    modified: bool,
    nanos_per_fraction: i64,
    frames: u64,
}

impl Legacy {
    /// Whether a file that begins with these bytes is one.
    pub(crate) const fn is_magic(magic: [u8; 4]) -> bool {
        matches!(
            u32::from_le_bytes(magic),
            0xa1b2_c3d4 | 0xa1b2_3c4d | 0xa1b2_cd34 | 0xd4c3_b2a1 | 0x4d3c_b2a1
        )
    }

    /// Reads the header and opens the tap; `None` if the file ends in the header.
    pub(crate) fn open(window: &mut Window, taps: &mut TapOpener<'_>) -> io::Result<Option<Self>> {
        if !window.fill(HEADER_LEN)? {
            return Ok(None);
        }
        let Ok((_, header)) = parse_pcap_header(window.data()) else {
            return Ok(None);
        };
        window.consume(HEADER_LEN);
        let link_type = link_type_of(header.network.0.cast_unsigned());
        Ok(Some(Self {
            tap: taps.open(None, None, link_type),
            link_type,
            big_endian: header.is_bigendian(),
            modified: header.is_modified_format(),
            nanos_per_fraction: if header.is_nanosecond_precision() {
                1
            } else {
                1_000
            },
            frames: 0,
        }))
    }

    /// The file's tap.
    pub(crate) const fn tap(&self) -> Tap {
        self.tap
    }

    /// Reads the next record.
    pub(crate) fn step(&mut self, window: &mut Window) -> io::Result<Step> {
        let header_len = if self.modified {
            MODIFIED_RECORD_HEADER_LEN
        } else {
            RECORD_HEADER_LEN
        };
        if !window.fill(header_len)? {
            return Ok(if window.data().is_empty() {
                Step::End
            } else {
                self.cut()
            });
        }
        let captured_len = self.captured_len(window.data());
        if captured_len > MAX_RECORD_LEN {
            let offset = window.offset();
            return Ok(Step::Cut(format!(
                "is damaged: the record at byte {offset} claims {captured_len} bytes"
            )));
        }
        let len = header_len + captured_len;
        if !window.fill(len)? {
            return Ok(self.cut());
        }
        let parse = match (self.modified, self.big_endian) {
            (true, _) => parse_pcap_frame_modified,
            (false, true) => parse_pcap_frame_be,
            (false, false) => parse_pcap_frame,
        };
        let Ok((_, record)) = parse(window.data()) else {
            return Ok(self.cut());
        };
        self.frames += 1;
        let seconds = i64::from(record.ts_sec) * 1_000_000_000;
        let what = What::Frame {
            number: self.frames,
            link_type: self.link_type,
            direction: Direction::Unknown,
            original_len: record.origlen.max(record.caplen),
            bytes: header_len..len,
        };
        let at = Timestamp(seconds + i64::from(record.ts_usec) * self.nanos_per_fraction);
        Ok(Step::Item(
            Item {
                at,
                tap: self.tap,
                what,
            },
            len,
        ))
    }

    fn captured_len(&self, record: &[u8]) -> usize {
        let bytes = record
            .get(8..12)
            .and_then(|bytes| bytes.try_into().ok())
            .unwrap_or_default();
        super::options::u32_of(bytes, self.big_endian) as usize
    }

    fn cut(&self) -> Step {
        Step::Cut(format!("ends in the middle of frame {}", self.frames + 1))
    }
}
