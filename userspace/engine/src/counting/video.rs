//! Pictures and key pictures of a video stream, told from the first bytes of its packets.
//!
//! Which codec a flow carries is known only once its SDP is read, and that may come later or from another file. So key
//! pictures are looked for as if the flow were H.264 and as if it were H.265, and the description picks one at the end.

use rtsp_ebpf_common::flow::Payload;
use rtspscope_wire::nal::{self, Glance};
use rtspscope_wire::rtp::RtpSlice;
use rtspscope_wire::{Span, Timestamp};

use crate::input::{KeyPictureTotals, KeyPictures, PictureSpan, PictureTotals};
use crate::locator::Locator;

/// Codecs whose pictures are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Codec {
    H264,
    H265,
    /// Every picture stands for itself (RFC 2435).
    Jpeg,
}

impl Codec {
    /// By the encoding name of an rtpmap.
    pub(crate) fn of(encoding: &str) -> Option<Self> {
        let is = |name: &str| encoding.eq_ignore_ascii_case(name);
        match () {
            () if is("H264") => Some(Self::H264),
            () if is("H265") || is("HEVC") => Some(Self::H265),
            () if is("JPEG") => Some(Self::Jpeg),
            () => None,
        }
    }
}

/// What is known of the pictures of one source.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Pictures {
    /// All of them.
    pub(crate) count: u64,
    /// Pictures for each second, from the first to the last.
    pub(crate) rate: Option<f64>,
    /// Pictures from which decoding can start.
    pub(crate) keys: u64,
    /// Mean time between them.
    pub(crate) key_interval: Option<Span>,
    /// The last of them.
    pub(crate) last_key: Option<Locator>,
    /// Time from the first picture to the first of them, or to the last picture where there is none.
    pub(crate) wait_for_first: Span,
    /// Longest time from one of them to the next, or to the last picture.
    pub(crate) longest_wait: Span,
    /// Whether parameter sets came with the media; `None` for a codec that has none.
    pub(crate) parameter_sets: Option<bool>,
}

impl Pictures {
    /// These, where another source sends a part of the stream: of what both have the better.
    pub(crate) fn with(mut self, other: &Self) -> Self {
        if other.keys > self.keys {
            self.keys = other.keys;
            self.key_interval = other.key_interval;
            self.last_key = other.last_key;
            self.wait_for_first = other.wait_for_first;
            self.longest_wait = other.longest_wait;
        }
        self.parameter_sets = self.parameter_sets.max(other.parameter_sets);
        self
    }
}

/// First dynamic payload type (RFC 3551 §6).
const DYNAMIC: u8 = 96;

/// Static payload type of JPEG (RFC 3551 §6).
const JPEG: u8 = 26;

/// Running counts of one source.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct VideoTally {
    pictures: Tally,
    /// Timestamp before the last, so that a late packet of the last picture but one is no new picture.
    before_last: u32,
    h264: KeyTally,
    h265: KeyTally,
}

/// Pictures of one kind; packets with one timestamp are one picture.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    count: u64,
    timestamp: u32,
    first_at: Timestamp,
    last_at: Timestamp,
}

#[derive(Clone, Copy, Debug, Default)]
struct KeyTally {
    pictures: Tally,
    last: Option<Locator>,
    longest_gap: Span,
    parameter_sets: bool,
    /// Timestamp of the last of them: of the picture that they stand before.
    sets_of: u32,
}

impl VideoTally {
    /// Takes in a packet that found its place, of which `bytes` were captured.
    #[inline]
    pub(super) fn update(&mut self, payload: &Payload, bytes: &[u8], at: Locator) {
        let payload_type = payload.payload_type;
        if payload_type < DYNAMIC && payload_type != JPEG {
            return;
        }
        let timestamp = payload.timestamp;
        let last = self.pictures.timestamp;
        if self.pictures.count == 0 || (timestamp != last && timestamp != self.before_last) {
            self.before_last = last;
            self.pictures.add(timestamp, at.at);
        }
        if payload_type >= DYNAMIC
            && let Some([h264, h265]) = nal::glance_both(media_of(bytes))
        {
            self.h264.note(h264, timestamp, at);
            self.h265.note(h265, timestamp, at);
        }
    }

    /// What was told of pictures of which few packets are at hand.
    pub(super) fn of(totals: &PictureTotals) -> Self {
        let keys = |keys: &KeyPictureTotals| KeyTally {
            pictures: Tally::of(&keys.pictures),
            last: (keys.pictures.count > 0).then_some(Locator {
                tap: totals.tap,
                frame: None,
                at: keys.pictures.last_at,
                stream_offset: None,
            }),
            longest_gap: keys.longest_gap,
            parameter_sets: keys.parameter_sets,
            sets_of: 0,
        };
        Self {
            pictures: Tally::of(&totals.all),
            before_last: 0,
            h264: keys(&totals.h264),
            h265: keys(&totals.h265),
        }
    }

    /// All pictures, and those of either codec from which decoding can start; `None` without any.
    pub(super) fn totals(&self) -> Option<(PictureSpan, [KeyPictureTotals; 2])> {
        let keys = |keys: &KeyTally| KeyPictureTotals {
            pictures: keys.pictures.span(),
            longest_gap: keys.longest_gap,
            parameter_sets: keys.parameter_sets,
        };
        let all = self.pictures.span();
        (all.count > 0).then(|| (all, [keys(&self.h264), keys(&self.h265)]))
    }

    /// Whether there were key pictures, by either codec.
    pub(super) fn key_pictures(&self) -> KeyPictures {
        KeyPictures {
            h264: self.h264.pictures.count > 0,
            h265: self.h265.pictures.count > 0,
        }
    }

    pub(super) fn pictures(&self, codec: Codec) -> Option<Pictures> {
        if self.pictures.count == 0 {
            return None;
        }
        let (keys, last_key, parameter_sets) = match codec {
            Codec::H264 => self.h264.parts(),
            Codec::H265 => self.h265.parts(),
            Codec::Jpeg => (self.pictures, None, None),
        };
        let (wait_for_first, longest_wait) = match codec {
            Codec::H264 => self.h264.waits(&self.pictures),
            Codec::H265 => self.h265.waits(&self.pictures),
            Codec::Jpeg => (Span(0), Span(0)),
        };
        Some(Pictures {
            count: self.pictures.count,
            rate: self.pictures.rate(),
            keys: keys.count,
            key_interval: keys.interval(),
            last_key,
            wait_for_first,
            longest_wait,
            parameter_sets,
        })
    }
}

/// The payload of an RTP packet; nearly all have a header of twelve bytes, without contributing sources or extension.
fn media_of(bytes: &[u8]) -> &[u8] {
    match bytes.first() {
        Some(0x80 | 0xa0) => bytes.get(12..).unwrap_or_default(),
        _ => RtpSlice::new(bytes).map_or(&[][..], RtpSlice::payload),
    }
}

impl KeyTally {
    fn note(&mut self, glance: Glance, timestamp: u32, at: Locator) {
        if glance.parameter_set {
            self.parameter_sets = true;
            self.sets_of = timestamp;
        }
        // Decoders start at the begin of an open group of pictures, too; encoders repeat the parameter sets there.
        let begins_group = glance.intra_picture && self.parameter_sets && self.sets_of == timestamp;
        if !glance.key_picture && !begins_group {
            return;
        }
        let is_newer = timestamp
            .wrapping_sub(self.pictures.timestamp)
            .cast_signed()
            > 0;
        if self.pictures.count == 0 || is_newer {
            if self.pictures.count > 0 {
                self.longest_gap = self.longest_gap.max(at.at - self.pictures.last_at);
            }
            self.pictures.add(timestamp, at.at);
            self.last = Some(at);
        }
    }

    /// The time before the first key picture among `all`, and the longest behind one.
    fn waits(&self, all: &Tally) -> (Span, Span) {
        if self.pictures.count == 0 {
            return (all.last_at - all.first_at, Span(0));
        }
        let behind_last = all.last_at - self.pictures.last_at;
        (
            self.pictures.first_at - all.first_at,
            self.longest_gap.max(behind_last),
        )
    }

    fn parts(&self) -> (Tally, Option<Locator>, Option<bool>) {
        (self.pictures, self.last, Some(self.parameter_sets))
    }
}

impl Tally {
    const fn of(told: &PictureSpan) -> Self {
        Self {
            count: told.count,
            timestamp: 0,
            first_at: told.first_at,
            last_at: told.last_at,
        }
    }

    const fn span(&self) -> PictureSpan {
        PictureSpan {
            count: self.count,
            first_at: self.first_at,
            last_at: self.last_at,
        }
    }

    fn add(&mut self, timestamp: u32, at: Timestamp) {
        if self.count == 0 {
            self.first_at = at;
        }
        self.count += 1;
        self.timestamp = timestamp;
        self.last_at = at;
    }

    /// Time from the first to the last, and the steps in it.
    fn steps(&self) -> Option<(Span, u64)> {
        let time = self.last_at - self.first_at;
        let steps = self.count.checked_sub(1)?;
        (time > Span(0) && steps > 0).then_some((time, steps))
    }

    fn rate(&self) -> Option<f64> {
        self.steps()
            .map(|(time, steps)| steps as f64 * 1_000.0 / time.as_millis_f64())
    }

    fn interval(&self) -> Option<Span> {
        let (time, steps) = self.steps()?;
        Some(Span(time.0 / i64::try_from(steps).ok()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::{LAN, at};

    const IDR: &[u8] = &[0x65, 0x88];
    const OTHER: &[u8] = &[0x41, 0x9a];
    const SPS: &[u8] = &[0x67, 0x42];

    /// Packets with the time in seconds, the timestamp and the media bytes.
    fn tally(packets: &[(f64, u32, &[u8])]) -> VideoTally {
        let mut tally = VideoTally::default();
        for (number, (secs, timestamp, media)) in packets.iter().enumerate() {
            let head = [&[0x80, 96, 0, 0][..], &timestamp.to_be_bytes(), &[0; 4]].concat();
            let bytes = [&head, *media].concat();
            let payload = Payload::read(&bytes, bytes.len() as u32);
            tally.update(&payload, &bytes, at(LAN, *secs, number as u64));
        }
        tally
    }

    #[test]
    fn packets_with_one_timestamp_are_one_picture() {
        let pictures = tally(&[
            (0.00, 0, IDR),
            (0.00, 0, IDR),
            (0.04, 3_600, OTHER),
            (0.04, 3_600, OTHER),
            (0.08, 7_200, OTHER),
        ]);
        let known = pictures.pictures(Codec::H264).expect("video");
        assert_eq!((known.rate, known.keys), (Some(25.0), 1));
        assert_eq!(known.last_key, Some(at(LAN, 0.0, 0)));
        assert_eq!(
            (known.key_interval, known.parameter_sets),
            (None, Some(false))
        );
    }

    #[test]
    fn a_late_packet_of_the_picture_before_is_no_new_picture() {
        let pictures = tally(&[
            (0.00, 0, OTHER),
            (0.04, 3_600, OTHER),
            (0.04, 0, OTHER),
            (0.04, 3_600, OTHER),
            (0.08, 7_200, OTHER),
        ]);
        assert_eq!(
            pictures.pictures(Codec::H264).and_then(|known| known.rate),
            Some(25.0)
        );
    }

    #[test]
    fn an_open_group_of_pictures_begins_with_a_key_picture() {
        const INTRA: &[u8] = &[0x41, 0x88];
        let keys = |packets| {
            let pictures = tally(packets).pictures(Codec::H264);
            pictures.map(|known| known.keys)
        };
        let open = [
            (0.0, 90, SPS),
            (0.0, 90, INTRA),
            (0.0, 90, OTHER),
            (1.0, 180, INTRA),
            (2.0, 270, SPS),
            (2.0, 270, INTRA),
        ];
        assert_eq!(keys(&open), Some(2));
        assert_eq!(keys(&[(0.0, 0, INTRA), (1.0, 90, INTRA)]), Some(0));
    }

    #[test]
    fn the_interval_of_key_pictures_is_their_mean_distance() {
        let pictures = tally(&[
            (0.0, 0, SPS),
            (0.0, 0, IDR),
            (1.0, 90_000, OTHER),
            (2.0, 180_000, IDR),
            (6.0, 540_000, IDR),
        ]);
        let known = pictures.pictures(Codec::H264).expect("video");
        assert_eq!((known.keys, known.parameter_sets), (3, Some(true)));
        assert_eq!(known.key_interval, Some(Span::from_secs(3)));
        assert_eq!(known.last_key, Some(at(LAN, 6.0, 4)));
    }

    #[test]
    fn the_waits_before_and_behind_key_pictures_are_told_apart() {
        let waits = |packets| {
            let pictures = tally(packets).pictures(Codec::H264);
            pictures.map(|known| (known.wait_for_first, known.longest_wait, known.count))
        };
        let secs = Span::from_secs;
        let none = waits(&[(0.0, 0, OTHER), (9.0, 90, OTHER), (12.0, 180, OTHER)]);
        assert_eq!(none, Some((secs(12), secs(0), 3)));
        let late = waits(&[(0.0, 0, OTHER), (3.0, 90, IDR), (8.0, 180, IDR)]);
        assert_eq!(late, Some((secs(3), secs(5), 3)));
        let early = waits(&[(0.0, 0, IDR), (2.0, 90, IDR), (9.0, 180, OTHER)]);
        assert_eq!(early, Some((secs(0), secs(7), 3)));
    }

    #[test]
    fn the_codec_says_what_a_key_picture_is() {
        let pictures = tally(&[(0.0, 0, &[0x26, 0x01]), (0.5, 45_000, &[0x02, 0x01])]);
        let keys = |codec| pictures.pictures(codec).map(|known| known.keys);
        assert_eq!(keys(Codec::H265), Some(1));
        assert_eq!(keys(Codec::H264), Some(0));
        assert_eq!(keys(Codec::Jpeg), Some(2));
    }

    #[test]
    fn an_extension_before_the_media_is_stepped_over() {
        let bytes = [
            &[0x90, 96][..],
            &[0; 10],
            &[0xbe, 0xde, 0, 1, 1, 2, 3, 4],
            IDR,
        ]
        .concat();
        let mut tally = VideoTally::default();
        let payload = Payload::read(&bytes, bytes.len() as u32);
        tally.update(&payload, &bytes, at(LAN, 0.0, 1));
        assert_eq!(tally.pictures(Codec::H264).map(|known| known.keys), Some(1));
    }

    #[test]
    fn static_audio_has_no_pictures() {
        let bytes = [0x80, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7, 0x65];
        let mut tally = VideoTally::default();
        tally.update(&Payload::read(&bytes, 13), &bytes, at(LAN, 0.0, 1));
        assert_eq!(tally.pictures(Codec::H264), None);
    }
}
