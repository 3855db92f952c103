//! The `m=` line and the attributes that belong to it.

use super::fields::{read_direction, words};
use super::{Attribute, Fmtp, Protection, RtpMap, SdpMedia};
use crate::Spanned;
use crate::notes::Notes;

/// `KIND PORT[/COUNT] PROTO FORMAT…` (RFC 8866 §5.14).
pub(super) fn open<'a>(value: Spanned<'a>, notes: &mut Notes) -> SdpMedia<'a> {
    let mut fields = words(&value).into_iter();
    let mut next = || {
        fields
            .next()
            .unwrap_or_else(|| value.slice(value.len()..value.len()))
    };
    let (kind, port_text, proto) = (next(), next(), next());
    let formats: Vec<_> = fields.collect();
    if formats.is_empty() {
        notes.add(value.at.clone(), "an m= line with fewer than four fields");
    }
    let port = port_text
        .split_once(b'/')
        .map_or_else(|| port_text.clone(), |(port, _)| port)
        .number();
    if port.is_none() && !port_text.is_empty() {
        notes.add(port_text.at.clone(), "no readable port in the m= line");
    }
    let is_rtp = proto
        .bytes
        .get(..4)
        .is_some_and(|head| head.eq_ignore_ascii_case(b"RTP/"));
    for format in formats
        .iter()
        .filter(|format| is_rtp && payload_type(format).is_none())
    {
        notes.add(format.at.clone(), "a format that is no RTP payload type");
    }
    let protection = Protection {
        secure_profile: is_secure(&proto),
        ..Protection::default()
    };
    SdpMedia {
        payload_type: formats.iter().find_map(payload_type),
        text: value,
        kind,
        port,
        port_text,
        proto,
        formats,
        encoding: None,
        clock_rate: None,
        control: None,
        connection: None,
        direction: None,
        protection,
        rtcp_mux: false,
        rtpmaps: Vec::new(),
        fmtps: Vec::new(),
        attributes: Vec::new(),
    }
}

/// Reads what one attribute says of the medium.
pub(super) fn take_attribute<'a>(
    medium: &mut SdpMedia<'a>,
    attribute: &Attribute<'a>,
    notes: &mut Notes,
) {
    medium.direction = read_direction(&attribute.name).or(medium.direction);
    medium.rtcp_mux |= attribute.name.is("rtcp-mux");
    let Some(value) = &attribute.value else {
        return;
    };
    if attribute.name.is("control") {
        medium.control = Some(value.clone());
    } else if attribute.name.is("rtpmap") {
        match read_rtpmap(value) {
            Some(map) => {
                if map.clock_rate.is_none() {
                    notes.add(value.at.clone(), "an rtpmap without a clock rate");
                }
                medium.rtpmaps.push(map);
            }
            None => notes.add(
                value.at.clone(),
                "an rtpmap without a payload type and a name",
            ),
        }
    } else if attribute.name.is("fmtp") {
        let (format, parameters) = split_word(value);
        match payload_type(&format) {
            Some(payload_type) => medium.fmtps.push(Fmtp {
                payload_type,
                parameters,
            }),
            None => notes.add(value.at.clone(), "an fmtp without a payload type"),
        }
    }
}

/// Draws the encoding and clock rate from the rtpmap, else from the static table.
pub(super) fn close(medium: &mut SdpMedia<'_>) {
    let first_mapped = medium.rtpmaps.first().map(|map| map.payload_type);
    medium.payload_type = medium.payload_type.or(first_mapped);
    if let Some((encoding, clock_rate)) = medium
        .payload_type
        .and_then(|payload_type| medium.format_of(payload_type))
    {
        medium.encoding = Some(encoding);
        medium.clock_rate = clock_rate;
    }
}

/// `PT NAME/RATE[/CHANNELS]` (RFC 8866 §6.6).
fn read_rtpmap<'a>(value: &Spanned<'a>) -> Option<RtpMap<'a>> {
    let (format, description) = split_word(value);
    let payload_type = payload_type(&format)?;
    let (encoding, rest) = description.split_once(b'/').unwrap_or_else(|| {
        let end = description.len();
        (description.clone(), description.slice(end..end))
    });
    let (rate, channels) = match rest.split_once(b'/') {
        Some((rate, channels)) => (rate, channels.trim().number()),
        None => (rest, None),
    };
    let encoding = encoding.trim();
    (!encoding.is_empty()).then(|| RtpMap {
        payload_type,
        encoding,
        clock_rate: rate.trim().number().filter(|rate| *rate > 0),
        channels,
    })
}

fn split_word<'a>(value: &Spanned<'a>) -> (Spanned<'a>, Spanned<'a>) {
    let end = memchr::memchr2(b' ', b'\t', value.bytes).unwrap_or(value.len());
    (value.slice(0..end), value.slice(end..value.len()).trim())
}

/// A payload type has seven bits (RFC 3550 §5.1).
fn payload_type(format: &Spanned<'_>) -> Option<u8> {
    format.number().filter(|number| *number < 128)
}

/// Profiles that carry SRTP: `RTP/SAVP`, `RTP/SAVPF`, `UDP/TLS/RTP/SAVP` and their like.
fn is_secure(proto: &Spanned<'_>) -> bool {
    let words = proto.bytes.split(|byte| *byte == b'/');
    words
        .into_iter()
        .any(|word| word.eq_ignore_ascii_case(b"SAVP") || word.eq_ignore_ascii_case(b"SAVPF"))
}
