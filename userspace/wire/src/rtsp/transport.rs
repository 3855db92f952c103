//! The Transport field (RFC 2326 §12.39, RFC 7826 §18.54) in all the spellings of the field.

use crate::notes::Notes;
use crate::{Parsed, Spanned};

mod alternatives;
#[cfg(test)]
mod tests;
mod values;

use alternatives::{Alternative, is_protocol};

/// One alternative of a Transport field, with the place of each parameter in the message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransportSpec<'a> {
    /// The whole alternative.
    pub text: Spanned<'a>,
    /// The protocol as written: `RTP/AVP/TCP`; empty if none is there.
    pub protocol_text: Spanned<'a>,
    /// The protocol without the lower transport: `RTP/AVP`.
    pub profile: Spanned<'a>,
    /// What carries it; UDP where nothing is said.
    pub lower: Lower,
    /// `unicast` or `multicast`, if the alternative says so.
    pub cast: Option<Cast>,
    /// Ports where the client receives.
    pub client_port: Option<PortPair<'a>>,
    /// Ports from which the server sends.
    pub server_port: Option<PortPair<'a>>,
    /// Ports of a multicast group.
    pub port: Option<PortPair<'a>>,
    /// Channels inside the RTSP connection.
    pub interleaved: Option<Channels<'a>>,
    /// Where the media shall go.
    pub destination: Option<Spanned<'a>>,
    /// Where the media comes from.
    pub source: Option<Spanned<'a>>,
    /// RTSP 2.0: receiving addresses, RTP before RTCP; empty if not given.
    pub dest_addr: Vec<HostPort<'a>>,
    /// RTSP 2.0: sending addresses, RTP before RTCP; empty if not given.
    pub src_addr: Vec<HostPort<'a>>,
    /// The synchronisation source announced.
    pub ssrc: Option<u32>,
    /// `PLAY`, `RECORD`, without quotes.
    pub mode: Option<Spanned<'a>>,
    /// Time to live of multicast packets.
    pub ttl: Option<u8>,
    /// `RTCP-mux`: RTP and RTCP share a port.
    pub rtcp_mux: bool,
    /// Every parameter after the protocol, known or not, in order.
    pub params: Vec<Param<'a>>,
}

/// What carries the packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lower {
    /// UDP, also by default.
    Udp,
    /// TCP: interleaved in the RTSP connection.
    Tcp,
    /// Anything else.
    Other,
}

/// One receiver or a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cast {
    /// One receiver.
    Unicast,
    /// A group.
    Multicast,
}

/// A port, or a pair of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortPair<'a> {
    /// The RTP port.
    pub rtp: u16,
    /// The RTCP port; `None` if it is not given or unreadable.
    pub rtcp: Option<u16>,
    /// The value as written.
    pub text: Spanned<'a>,
}

/// A channel, or a pair of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Channels<'a> {
    /// The RTP channel.
    pub rtp: u8,
    /// The RTCP channel; `None` if it is not given or unreadable.
    pub rtcp: Option<u8>,
    /// The value as written.
    pub text: Spanned<'a>,
}

/// One address of `dest_addr` or `src_addr`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPort<'a> {
    /// Host without brackets; `None` where only a port is given.
    pub host: Option<Spanned<'a>>,
    /// The port.
    pub port: Option<u16>,
    /// The address as written, without quotes.
    pub text: Spanned<'a>,
}

/// One `name` or `name=value`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Param<'a> {
    /// The name as written.
    pub name: Spanned<'a>,
    /// The value as written, quotes included.
    pub value: Option<Spanned<'a>>,
}

impl<'a> TransportSpec<'a> {
    /// The first parameter of that name, in any case.
    pub fn param(&self, name: &str) -> Option<&Param<'a>> {
        self.params.iter().find(|param| param.name.is(name))
    }
}

/// Reads all alternatives, best effort. Ranges are those of `value`, hence of the message.
#[expect(
    clippy::needless_pass_by_value,
    reason = "a Spanned is a view, handed over like a &str"
)]
pub fn parse(value: Spanned<'_>) -> Parsed<Vec<TransportSpec<'_>>> {
    let mut notes = Notes::default();
    let value = value.trim();
    if value.is_empty() {
        notes.add(value.at.clone(), "an empty Transport value");
        return notes.finish(Vec::new());
    }
    let alternatives = alternatives::split(&value, &mut notes);
    let specs = alternatives
        .into_iter()
        .map(|alternative| read_alternative(alternative, &mut notes))
        .collect();
    notes.finish(specs)
}

fn read_alternative<'a>(alternative: Alternative<'a>, notes: &mut Notes) -> TransportSpec<'a> {
    let Alternative { text, pieces } = alternative;
    let place = pieces.iter().position(is_protocol);
    let protocol = place
        .and_then(|place| pieces.get(place))
        .map(|piece| read_protocol(piece, notes));
    if protocol.is_none() {
        notes.add(text.at.clone(), "no protocol in this alternative");
    }
    let protocol_text = protocol.unwrap_or_else(|| text.slice(0..0));
    let (profile, lower) = split_protocol(&protocol_text);
    let mut spec = TransportSpec {
        text,
        protocol_text,
        profile,
        lower,
        cast: None,
        client_port: None,
        server_port: None,
        port: None,
        interleaved: None,
        destination: None,
        source: None,
        dest_addr: Vec::new(),
        src_addr: Vec::new(),
        ssrc: None,
        mode: None,
        ttl: None,
        rtcp_mux: false,
        params: Vec::new(),
    };
    for (at, piece) in pieces.into_iter().enumerate() {
        if place.is_some_and(|place| at < place) && !piece.is_empty() {
            notes.add(piece.at, "junk before the protocol");
        } else if Some(at) != place && !piece.is_empty() {
            let param = read_param(&piece, notes);
            spec.take(&param, notes);
            spec.params.push(param);
        }
    }
    spec
}

/// The protocol without junk before it: characters that no token has, such as stray binary bytes.
fn read_protocol<'a>(piece: &Spanned<'a>, notes: &mut Notes) -> Spanned<'a> {
    let is_clean = |byte: &u8| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'_' | b'.' | b'+')
    };
    let junk_len = piece
        .bytes
        .iter()
        .rposition(|byte| !is_clean(byte))
        .map_or(0, |last| last + 1);
    if junk_len > 0 {
        notes.add(piece.slice(0..junk_len).at, "junk before the protocol");
    }
    piece.slice(junk_len..piece.len())
}

/// Splits off the lower transport: the third part, or the second if it is plainly one (`x-real-rdt/udp`).
fn split_protocol<'a>(protocol: &Spanned<'a>) -> (Spanned<'a>, Lower) {
    let Some(slash) = memchr::memrchr(b'/', protocol.bytes) else {
        return (protocol.clone(), Lower::Udp);
    };
    let before = protocol.slice(0..slash);
    let last = protocol.slice(slash + 1..protocol.len());
    if last.is("UDP") {
        (before, Lower::Udp)
    } else if last.is("TCP") {
        (before, Lower::Tcp)
    } else if memchr::memchr(b'/', before.bytes).is_some() {
        (before, Lower::Other)
    } else {
        (protocol.clone(), Lower::Udp)
    }
}

fn read_param<'a>(piece: &Spanned<'a>, notes: &mut Notes) -> Param<'a> {
    let Some((name, value)) = piece.split_once(b'=') else {
        return Param {
            name: piece.clone(),
            value: None,
        };
    };
    let (name_text, value_text) = (name.trim(), value.trim());
    if name_text.at.end != name.at.end || value_text.at.start != value.at.start {
        notes.add(
            name_text.at.end..value_text.at.start,
            "white space around the equals sign",
        );
    }
    Param {
        name: name_text,
        value: Some(value_text),
    }
}

impl<'a> TransportSpec<'a> {
    fn take(&mut self, param: &Param<'a>, notes: &mut Notes) {
        let name = param.name.bytes.to_ascii_lowercase();
        let Some(value) = &param.value else {
            return self.take_flag(&name);
        };
        if self
            .params
            .iter()
            .any(|earlier| earlier.name.bytes.eq_ignore_ascii_case(&name))
        {
            notes.add(
                param.name.at.clone(),
                format_args!("{} stands there again", param.name.text()),
            );
            return;
        }
        match name.as_slice() {
            b"client_port" => self.client_port = values::port_pair(value, notes),
            b"server_port" => self.server_port = values::port_pair(value, notes),
            b"port" => self.port = values::port_pair(value, notes),
            b"interleaved" => self.interleaved = values::channels(value, notes),
            b"destination" => self.destination = Some(values::address(value, notes)),
            b"source" => self.source = Some(values::address(value, notes)),
            b"dest_addr" => self.dest_addr = values::addresses(value, notes),
            b"src_addr" => self.src_addr = values::addresses(value, notes),
            b"ssrc" => self.ssrc = values::ssrc(value, notes),
            b"mode" => self.mode = Some(value.unquoted().trim()),
            b"ttl" => {
                self.ttl = value.number();
                if self.ttl.is_none() {
                    notes.add(value.at.clone(), "no readable time to live");
                }
            }
            _ => {}
        }
    }

    fn take_flag(&mut self, name: &[u8]) {
        match name {
            b"unicast" => self.cast = Some(Cast::Unicast),
            b"multicast" => self.cast = Some(Cast::Multicast),
            b"rtcp-mux" => self.rtcp_mux = true,
            _ => {}
        }
    }
}
