//! Session descriptions (RFC 8866) as cameras write them. All ranges count from the first byte of the body.

use std::borrow::Cow;
use std::ops::Range;

pub use crate::rtsp::message::LineEnding;

mod fields;
mod media;
mod parse;
mod repair;
#[cfg(test)]
mod tests;

use crate::{Spanned, payload_types};
pub use parse::parse;

/// A session description.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SdpSlice<'a> {
    /// `o=`, if there is one.
    pub origin: Option<Origin<'a>>,
    /// `s=`.
    pub name: Option<Spanned<'a>>,
    /// `i=`.
    pub information: Option<Spanned<'a>>,
    /// `t=`, the first one.
    pub timing: Option<Spanned<'a>>,
    /// `c=` of the session level.
    pub connection: Option<Connection<'a>>,
    /// `a=control` of the session level.
    pub control: Option<Spanned<'a>>,
    /// Direction that media inherit.
    pub direction: Option<StreamDirection>,
    /// What the session level says of encryption.
    pub protection: Protection,
    /// All attributes of the session level.
    pub attributes: Vec<Attribute<'a>>,
    /// The media descriptions, in order.
    pub media: Vec<SdpMedia<'a>>,
    /// How the lines end.
    pub line_ending: LineEnding,
}

/// The origin line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin<'a> {
    /// The value of the line.
    pub text: Spanned<'a>,
    /// User name, `-` for none.
    pub username: Spanned<'a>,
    /// Session identifier.
    pub session_id: Option<Spanned<'a>>,
    /// The address field: an address, a host name or junk.
    pub address: Option<Spanned<'a>>,
}

/// A connection line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection<'a> {
    /// The value of the line.
    pub text: Spanned<'a>,
    /// The address without `/ttl` and `/count`.
    pub address: Option<Spanned<'a>>,
    /// Time to live of an IPv4 group.
    pub ttl: Option<u8>,
}

/// One attribute line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute<'a> {
    /// Name before the colon.
    pub name: Spanned<'a>,
    /// Value after the colon; `None` for a flag.
    pub value: Option<Spanned<'a>>,
    /// The whole line with its end.
    pub line: Range<usize>,
}

/// One media description.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SdpMedia<'a> {
    /// The value of the `m=` line.
    pub text: Spanned<'a>,
    /// `video`, `audio`, `application`, as written.
    pub kind: Spanned<'a>,
    /// The port; 0 is normal with RTSP. `None` if unreadable.
    pub port: Option<u16>,
    /// The port as written, with `/count` if it has one.
    pub port_text: Spanned<'a>,
    /// `RTP/AVP` and so on.
    pub proto: Spanned<'a>,
    /// The formats in order of preference.
    pub formats: Vec<Spanned<'a>>,
    /// The first format that is a payload type, else that of the first `a=rtpmap`.
    pub payload_type: Option<u8>,
    /// Encoding name of that payload type: by `a=rtpmap`, else by RFC 3551's table.
    pub encoding: Option<Cow<'a, str>>,
    /// Ticks per second of that payload type's RTP timestamps.
    pub clock_rate: Option<u32>,
    /// `a=control`.
    pub control: Option<Spanned<'a>>,
    /// `c=` of this medium.
    pub connection: Option<Connection<'a>>,
    /// Direction given for this medium.
    pub direction: Option<StreamDirection>,
    /// What this medium says of encryption.
    pub protection: Protection,
    /// `a=rtcp-mux`.
    pub rtcp_mux: bool,
    /// Each `a=rtpmap`.
    pub rtpmaps: Vec<RtpMap<'a>>,
    /// Each `a=fmtp`.
    pub fmtps: Vec<Fmtp<'a>>,
    /// All attributes.
    pub attributes: Vec<Attribute<'a>>,
}

/// One `a=rtpmap:PT NAME/RATE[/CHANNELS]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RtpMap<'a> {
    /// Payload type.
    pub payload_type: u8,
    /// Encoding name as written.
    pub encoding: Spanned<'a>,
    /// Ticks per second.
    pub clock_rate: Option<u32>,
    /// Audio channels.
    pub channels: Option<u16>,
}

/// One `a=fmtp:PT PARAMETERS`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fmtp<'a> {
    /// Payload type.
    pub payload_type: u8,
    /// All that follows.
    pub parameters: Spanned<'a>,
}

/// Who sends, from the view of the one that wrote the description (RFC 8866 §6.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamDirection {
    /// `recvonly`.
    RecvOnly,
    /// `sendrecv`.
    SendRecv,
    /// `sendonly`.
    SendOnly,
    /// `inactive`.
    Inactive,
}

/// Signs that media is encrypted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Protection {
    /// The protocol is one of SRTP (`RTP/SAVP`, `RTP/SAVPF`, `UDP/TLS/…`).
    pub secure_profile: bool,
    /// `a=crypto` (RFC 4568).
    pub crypto: bool,
    /// `a=fingerprint` (RFC 8122).
    pub fingerprint: bool,
    /// `a=key-mgmt` (RFC 4567).
    pub key_mgmt: bool,
}

impl Protection {
    /// True if any sign is there.
    pub const fn is_encrypted(self) -> bool {
        self.secure_profile || self.crypto || self.fingerprint || self.key_mgmt
    }
}

impl<'a> SdpSlice<'a> {
    /// The first attribute of that name at the session level, in any case.
    pub fn attribute(&self, name: &str) -> Option<&Attribute<'a>> {
        self.attributes
            .iter()
            .find(|attribute| attribute.name.is(name))
    }
}

impl<'a> SdpMedia<'a> {
    /// The first attribute of that name, in any case.
    pub fn attribute(&self, name: &str) -> Option<&Attribute<'a>> {
        self.attributes
            .iter()
            .find(|attribute| attribute.name.is(name))
    }

    /// Encoding name and clock rate of a payload type in this medium: by `a=rtpmap`, else by RFC 3551's table.
    pub fn format_of(&self, payload_type: u8) -> Option<(Cow<'a, str>, Option<u32>)> {
        let mapped = self
            .rtpmaps
            .iter()
            .find(|map| map.payload_type == payload_type);
        let static_type = payload_types::lookup(payload_type);
        match (mapped, static_type) {
            (Some(map), fixed) => Some((
                map.encoding.text(),
                map.clock_rate.or(fixed.map(|fixed| fixed.clock_rate)),
            )),
            (None, Some(fixed)) => Some((Cow::Borrowed(fixed.encoding), Some(fixed.clock_rate))),
            (None, None) => None,
        }
    }
}
