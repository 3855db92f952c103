//! Static payload types of RTP: audio (RFC 3551 §6, table 4) and video (table 5).

use StaticKind::{Audio, AudioVideo, Video};

/// What a static payload type means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StaticType {
    /// Encoding name.
    pub encoding: &'static str,
    /// RTP clock rate in Hz.
    pub clock_rate: u32,
    /// Kind of media.
    pub kind: StaticKind,
    /// Audio channels; 0 for video.
    pub channels: u8,
}

/// Kind of media of a static payload type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StaticKind {
    /// Audio.
    Audio,
    /// Video.
    Video,
    /// Audio and video in one stream.
    AudioVideo,
}

/// The static meaning of a payload type; `None` for dynamic, reserved and unassigned ones.
pub const fn lookup(payload_type: u8) -> Option<StaticType> {
    let (encoding, clock_rate, kind, channels) = match payload_type {
        0 => ("PCMU", 8_000, Audio, 1),
        3 => ("GSM", 8_000, Audio, 1),
        4 => ("G723", 8_000, Audio, 1),
        5 => ("DVI4", 8_000, Audio, 1),
        6 => ("DVI4", 16_000, Audio, 1),
        7 => ("LPC", 8_000, Audio, 1),
        8 => ("PCMA", 8_000, Audio, 1),
        // G.722 samples at 16 kHz; its RTP clock is 8 kHz by an old error that stays (RFC 3551 §4.5.2).
        9 => ("G722", 8_000, Audio, 1),
        10 => ("L16", 44_100, Audio, 2),
        11 => ("L16", 44_100, Audio, 1),
        12 => ("QCELP", 8_000, Audio, 1),
        13 => ("CN", 8_000, Audio, 1),
        // The table gives no channel count for MPEG audio; the stream itself tells.
        14 => ("MPA", 90_000, Audio, 1),
        15 => ("G728", 8_000, Audio, 1),
        16 => ("DVI4", 11_025, Audio, 1),
        17 => ("DVI4", 22_050, Audio, 1),
        18 => ("G729", 8_000, Audio, 1),
        25 => ("CelB", 90_000, Video, 0),
        26 => ("JPEG", 90_000, Video, 0),
        28 => ("nv", 90_000, Video, 0),
        31 => ("H261", 90_000, Video, 0),
        32 => ("MPV", 90_000, Video, 0),
        33 => ("MP2T", 90_000, AudioVideo, 0),
        34 => ("H263", 90_000, Video, 0),
        _ => return None,
    };
    Some(StaticType {
        encoding,
        clock_rate,
        kind,
        channels,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn l16_runs_at_44100_hertz() {
        assert_eq!(
            lookup(10),
            Some(StaticType {
                encoding: "L16",
                clock_rate: 44_100,
                kind: Audio,
                channels: 2
            })
        );
        assert_eq!(
            lookup(11),
            Some(StaticType {
                encoding: "L16",
                clock_rate: 44_100,
                kind: Audio,
                channels: 1
            })
        );
    }

    #[test]
    fn every_assigned_number_is_there_and_no_other() {
        let assigned: Vec<u8> = (0..=255)
            .filter(|number| lookup(*number).is_some())
            .collect();
        let audio = [0, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18];
        assert_eq!(
            assigned,
            [&audio[..], &[25, 26, 28, 31, 32, 33, 34]].concat()
        );
    }

    #[test]
    fn all_video_ticks_at_90_kilohertz() {
        let mut video = (0..=255)
            .filter_map(lookup)
            .filter(|entry| entry.kind != Audio);
        assert!(video.all(|entry| entry.clock_rate == 90_000 && entry.channels == 0));
    }
}
