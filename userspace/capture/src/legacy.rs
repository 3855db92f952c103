//! The classic pcap format: one header, one link type, one tap (draft-ietf-opsawg-pcap).

use std::io;

use std::ops::Range;

use pcap_parser::pcap::parse_pcap_header;
use rtspscope_wire::{Direction, LinkType, Timestamp};

use super::item::{Item, Ready, Step, Tap, What};
use super::link_types::link_type_of;
use super::options::u32_of;
use super::tap_opener::TapOpener;
use super::window::Window;

const HEADER_LEN: usize = 24;

/// Header of a record; Alexey Kuznetsov's variant adds interface, protocol and packet type.
const RECORD_HEADER_LEN: usize = 16;
const MODIFIED_RECORD_HEADER_LEN: usize = 24;

/// Longest record that is believed: four times libpcap's largest snapshot length (`MAXIMUM_SNAPLEN`, 262144).
const MAX_RECORD_LEN: usize = 1 << 20;

/// A frame of a pcap file.
#[derive(Debug)]
struct Record {
    at: Timestamp,
    /// Its number, from 1, and on from those of the files before.
    number: u64,
    original_len: u32,
    /// Its bytes, counted from the begin of the record.
    bytes: Range<usize>,
}

/// Reader of a pcap file.
#[derive(Debug)]
pub(crate) struct Legacy {
    tap: Tap,
    link_type: LinkType,
    big_endian: bool,
    modified: bool,
    nanos_per_fraction: i64,
    /// Frames in the files that this one goes on with.
    frames_before: u64,
    /// Frames so far, those before too.
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

    /// Reads the header and opens the tap, or goes on with that of a file `before`; `None` if the file ends in the header.
    pub(crate) fn open(
        window: &mut Window,
        taps: &mut TapOpener<'_>,
        before: Option<&Self>,
    ) -> io::Result<Option<Self>> {
        if !window.fill(HEADER_LEN)? {
            return Ok(None);
        }
        let Ok((_, header)) = parse_pcap_header(window.data()) else {
            return Ok(None);
        };
        window.consume(HEADER_LEN);
        let link_type = link_type_of(header.network.0.cast_unsigned());
        let known = before.filter(|before| before.link_type == link_type);
        let frames_before = taps.frames_before;
        Ok(Some(Self {
            tap: known.map_or_else(|| taps.open(None, None, link_type), Self::tap),
            link_type,
            big_endian: header.is_bigendian(),
            modified: header.is_modified_format(),
            nanos_per_fraction: if header.is_nanosecond_precision() {
                1
            } else {
                1_000
            },
            frames_before,
            frames: frames_before,
        }))
    }

    /// The file's tap.
    pub(crate) const fn tap(&self) -> Tap {
        self.tap
    }

    /// Number of the last frame.
    pub(crate) const fn last_number(&self) -> u64 {
        self.frames
    }

    /// Whether `other` can be a later part of the same capture.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        self.link_type == other.link_type
    }

    /// Reads the next record.
    pub(crate) fn step(&mut self, window: &mut Window) -> io::Result<Step> {
        let header_len = self.record_header_len();
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
        window.fill(header_len + captured_len)?;
        let Some(record) = self.record(window.data()) else {
            return Ok(self.cut());
        };
        let len = record.bytes.end;
        let what = What::Frame {
            number: record.number,
            link_type: self.link_type,
            direction: Direction::Unknown,
            original_len: record.original_len,
            bytes: record.bytes,
        };
        Ok(Step::Item(
            Item {
                at: record.at,
                tap: self.tap,
                what,
            },
            len,
        ))
    }

    /// Reads the frame at the front of `data`, where all of it is there, its length can be believed, and it was seen at a tap.
    /// The caller knows that frames of this file can be read. Else all is as it was.
    #[inline]
    pub(crate) fn ready(&mut self, data: &[u8]) -> Option<Ready> {
        let Tap::Open(tap) = self.tap else {
            return None;
        };
        let record = self.record(data)?;
        Some(Ready {
            at: record.at,
            tap,
            number: record.number,
            link_type: self.link_type,
            direction: Direction::Unknown,
            original_len: record.original_len,
            len: record.bytes.end,
            bytes: record.bytes,
        })
    }

    /// Reads the record at the front of `data`, where all of it is there and its length can be believed.
    #[inline]
    fn record(&mut self, data: &[u8]) -> Option<Record> {
        let (words, _) = data.first_chunk::<RECORD_HEADER_LEN>()?.as_chunks::<4>();
        let &[seconds, fraction, captured_len, original_len] = words else {
            return None;
        };
        let [seconds, fraction, captured_len, original_len] =
            [seconds, fraction, captured_len, original_len]
                .map(|word| u32_of(word, self.big_endian));
        let header_len = self.record_header_len();
        let len = header_len + captured_len as usize;
        if captured_len as usize > MAX_RECORD_LEN || data.len() < len {
            return None;
        }
        self.frames += 1;
        let nanos = i64::from(fraction) * self.nanos_per_fraction;
        Some(Record {
            at: Timestamp(i64::from(seconds) * 1_000_000_000 + nanos),
            number: self.frames,
            original_len: original_len.max(captured_len),
            bytes: header_len..len,
        })
    }

    const fn record_header_len(&self) -> usize {
        if self.modified {
            MODIFIED_RECORD_HEADER_LEN
        } else {
            RECORD_HEADER_LEN
        }
    }

    fn captured_len(&self, record: &[u8]) -> usize {
        let bytes = record
            .get(8..12)
            .and_then(|bytes| bytes.try_into().ok())
            .unwrap_or_default();
        u32_of(bytes, self.big_endian) as usize
    }

    fn cut(&self) -> Step {
        let number = self.frames - self.frames_before + 1;
        Step::Cut(format!("ends in the middle of frame {number}"))
    }
}
