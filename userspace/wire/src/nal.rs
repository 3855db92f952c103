//! What the first bytes of an RTP payload of H.264 (RFC 6184) or H.265 (RFC 7798) say of the picture in it.

/// What one packet holds, as far as its first bytes tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Glance {
    /// A piece of a picture from which decoding can start: IDR of H.264, IRAP of H.265, or the recovery point of an encoder
    /// that renews its picture piece by piece and sends neither.
    pub key_picture: bool,
    /// A sequence or picture parameter set.
    pub parameter_set: bool,
    /// The first slice of a picture of H.264 that is no IDR and of which all slices are I: with parameter sets before it the begin of
    /// an open group of pictures.
    pub intra_picture: bool,
}

/// Units of one aggregation packet that are looked at; parameter sets stand in front of their picture.
const MAX_UNITS: usize = 8;

/// By its first byte, whether a payload can hold anything that a glance tells: of H.264 bit 0, of H.265 bit 1.
const WORTH: [u8; 256] = {
    let mut worth = [0; 256];
    let mut first = 0;
    while first < 256 {
        let by_h264 = matches!(first & 0x1f, 1 | 5..=8 | 24 | 25 | 28 | 29);
        let by_h265 = matches!(first >> 1 & 0x3f, 16..=23 | 32..=34 | 48 | 49);
        worth[first] = by_h264 as u8 | (by_h265 as u8) << 1;
        first += 1;
    }
    worth
};

/// Looks at a payload of which it is not known whether it is H.264 or H.265, as if it were either; `None` where neither
/// glance tells anything.
#[inline]
pub fn glance_both(payload: &[u8]) -> Option<[Glance; 2]> {
    let worth = WORTH[usize::from(*payload.first()?)];
    let if_worth = |bit: u8, glance: fn(&[u8]) -> Glance| {
        if worth & bit == 0 {
            Glance::default()
        } else {
            glance(payload)
        }
    };
    (worth != 0).then(|| [if_worth(1, glance_h264), if_worth(2, glance_h265)])
}

/// Looks at a payload of H.264.
pub fn glance_h264(payload: &[u8]) -> Glance {
    let unit = |unit: &[u8]| {
        let (first, rest) = unit.split_first()?;
        Some(h264(first & 0x1f, rest))
    };
    match payload {
        [] => Glance::default(),
        [first, rest @ ..] => match first & 0x1f {
            24 => aggregated(rest, unit),
            // The decoding order number of a STAP-B stands before the first unit.
            25 => aggregated(rest.get(2..).unwrap_or_default(), unit),
            // Of a fragment that is not the first, what follows its header is no begin of a slice.
            28 | 29 => match rest {
                [header, slice @ ..] if header & 0x80 != 0 => h264(header & 0x1f, slice),
                [header, ..] => h264(header & 0x1f, &[]),
                [] => Glance::default(),
            },
            6 => Glance {
                key_picture: has_recovery_point(rest),
                ..Glance::default()
            },
            single => h264(single, rest),
        },
    }
}

/// Whether supplemental information (H.264 §7.3.2.3) holds a message of type 6, where decoding can start.
fn has_recovery_point(mut messages: &[u8]) -> bool {
    for _ in 0..MAX_UNITS {
        // Types and lengths from 255 on have more bytes; no message with one comes before a recovery point.
        match messages {
            [6, ..] => return true,
            [0..=254, len @ 0..=254, rest @ ..] => {
                messages = rest.get(usize::from(*len)..).unwrap_or_default();
            }
            _ => return false,
        }
    }
    false
}

/// Looks at a payload of H.265.
pub fn glance_h265(payload: &[u8]) -> Glance {
    let unit_type = |byte: &u8| byte >> 1 & 0x3f;
    match payload {
        [first, _, rest @ ..] => match unit_type(first) {
            48 => aggregated(rest, |unit| unit.first().map(|byte| h265(unit_type(byte)))),
            49 => rest
                .first()
                .map_or_else(Glance::default, |byte| h265(byte & 0x3f)),
            single => h265(single),
        },
        _ => Glance::default(),
    }
}

/// The first bits of a slice header (H.264 §7.3.3) that begins a picture (`first_mb_in_slice` is 0: `1`) of nothing but I slices
/// (`slice_type` is 7: `0001000`).
const INTRA_PICTURE: u8 = 0b1000_1000;

/// By table 7-1 of H.264: 1 is a slice of another picture than an IDR, 5 of one, 7 and 8 are parameter sets.
const fn h264(unit_type: u8, behind: &[u8]) -> Glance {
    Glance {
        key_picture: unit_type == 5,
        parameter_set: matches!(unit_type, 7 | 8),
        intra_picture: unit_type == 1 && matches!(behind, [INTRA_PICTURE, ..]),
    }
}

/// By table 7-1 of H.265: 16 to 23 are random access pictures, 32 to 34 parameter sets.
const fn h265(unit_type: u8) -> Glance {
    Glance {
        key_picture: matches!(unit_type, 16..=23),
        parameter_set: matches!(unit_type, 32..=34),
        intra_picture: false,
    }
}

/// All that the units of an aggregation packet hold; each has its length of 16 bits before it.
fn aggregated(mut units: &[u8], glance: impl Fn(&[u8]) -> Option<Glance>) -> Glance {
    let mut all = Glance::default();
    for _ in 0..MAX_UNITS {
        let Some((len, behind)) = units.split_first_chunk() else {
            break;
        };
        let Some(unit) = glance(behind) else { break };
        all.key_picture |= unit.key_picture;
        all.parameter_set |= unit.parameter_set;
        all.intra_picture |= unit.intra_picture;
        let len = usize::from(u16::from_be_bytes(*len));
        units = behind.get(len..).unwrap_or_default();
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTHING: Glance = Glance {
        key_picture: false,
        parameter_set: false,
        intra_picture: false,
    };
    const KEY: Glance = Glance {
        key_picture: true,
        ..NOTHING
    };
    const SETS: Glance = Glance {
        parameter_set: true,
        ..NOTHING
    };
    const BOTH: Glance = Glance {
        key_picture: true,
        ..SETS
    };
    const INTRA: Glance = Glance {
        intra_picture: true,
        ..NOTHING
    };

    #[test]
    fn single_units_of_h264_are_told() {
        assert_eq!(glance_h264(&[0x65, 0x88]), KEY);
        assert_eq!(glance_h264(&[0x67, 0x42]), SETS);
        assert_eq!(glance_h264(&[0x68, 0xce]), SETS);
        assert_eq!(glance_h264(&[0x41, 0x9a]), NOTHING);
        assert_eq!(glance_h264(&[]), NOTHING);
    }

    #[test]
    fn the_first_slice_of_a_picture_of_i_slices_is_told() {
        assert_eq!(glance_h264(&[0x41, 0x88, 0x80]), INTRA);
        assert_eq!(glance_h264(&[0x41, 0xb0]), NOTHING, "of this slice only");
        assert_eq!(glance_h264(&[0x41, 0x48]), NOTHING, "a later slice");
        assert_eq!(glance_h264(&[0x7c, 0x81, 0x88]), INTRA, "start");
        assert_eq!(glance_h264(&[0x7c, 0x01, 0x88]), NOTHING, "middle");
        let with_sets = [0x78, 0, 2, 0x67, 0x42, 0, 2, 0x41, 0x88];
        let both = Glance {
            intra_picture: true,
            ..SETS
        };
        assert_eq!(glance_h264(&with_sets), both);
    }

    #[test]
    fn every_fragment_of_a_key_picture_tells_it() {
        assert_eq!(glance_h264(&[0x7c, 0x85]), KEY, "start");
        assert_eq!(glance_h264(&[0x7c, 0x05]), KEY, "middle");
        assert_eq!(glance_h264(&[0x5c, 0x81]), NOTHING, "another picture");
        assert_eq!(glance_h264(&[0x7c]), NOTHING, "cut");
    }

    #[test]
    fn an_aggregate_of_sets_and_a_key_picture_is_both() {
        let payload = [
            0x78, 0, 2, 0x67, 0x42, 0, 2, 0x68, 0xce, 0, 3, 0x65, 0x88, 0,
        ];
        assert_eq!(glance_h264(&payload), BOTH);
        assert_eq!(glance_h264(&payload[..9]), SETS, "cut before the picture");
        let with_order = [&[0x79, 0, 1][..], &payload[1..]].concat();
        assert_eq!(glance_h264(&with_order), BOTH);
    }

    #[test]
    fn a_recovery_point_stands_for_a_key_picture() {
        assert_eq!(glance_h264(&[0x06, 6, 1, 0xc4, 0x80]), KEY);
        assert_eq!(
            glance_h264(&[0x06, 1, 2, 9, 9, 6, 1, 0xc4]),
            KEY,
            "behind its time"
        );
        assert_eq!(glance_h264(&[0x06, 5, 2, 6, 6, 0x80]), NOTHING, "user data");
        assert_eq!(glance_h264(&[0x06, 1, 200, 6]), NOTHING, "cut");
    }

    #[test]
    fn units_of_h265_are_told() {
        assert_eq!(glance_h265(&[0x26, 0x01, 0xaf]), KEY, "IDR_W_RADL");
        assert_eq!(glance_h265(&[0x2a, 0x01]), KEY, "CRA");
        assert_eq!(glance_h265(&[0x40, 0x01, 0x0c]), SETS, "VPS");
        assert_eq!(glance_h265(&[0x02, 0x01, 0xd0]), NOTHING, "TRAIL_R");
        assert_eq!(glance_h265(&[0x62, 0x01, 0x93]), KEY, "start of an IDR");
        assert_eq!(glance_h265(&[0x62, 0x01, 0x81]), NOTHING);
        let sets = [
            0x60, 0x01, 0, 2, 0x42, 0x01, 0, 2, 0x44, 0x01, 0, 2, 0x28, 0x01,
        ];
        assert_eq!(glance_h265(&sets), BOTH);
    }

    #[test]
    fn a_glance_for_both_misses_nothing() {
        for first in 0..=255 {
            for second in 0..=255 {
                let payload = [first, second, second, second, second];
                let both = [glance_h264(&payload), glance_h265(&payload)];
                assert_eq!(glance_both(&payload).unwrap_or_default(), both);
            }
        }
    }

    #[test]
    fn lengths_that_lead_out_of_the_packet_end_the_reading() {
        assert_eq!(glance_h264(&[0x78, 0xff, 0xff, 0x67]), SETS);
        assert_eq!(glance_h264(&[0x78, 0, 0, 0x41, 0, 0]), NOTHING);
    }
}
