//! One medium of a session and what the two ends agreed on.

use std::net::IpAddr;
use std::ops::Range;

use rtspscope_wire::sdp::StreamDirection;

use super::{Arrival, Exchange, Leg};

/// One medium of a session.
#[derive(Clone, Debug, Default)]
pub struct MediaStream {
    /// Control URI of its SETUP, else the SDP's control attribute.
    pub control: Option<String>,
    /// Media type of the SDP's m= line.
    pub kind: Option<String>,
    /// Encoding name of the first payload type (rtpmap, else RFC 3551 table).
    pub encoding: Option<String>,
    /// RTP clock rate in Hz.
    pub clock_rate: Option<u32>,
    /// First payload type of the m= line.
    pub payload_type: Option<u8>,
    /// What the SDP says of retransmissions and forward error correction that may share a flow with the medium.
    pub repair: Repair,
    /// The SDP holds parameter sets of the payload type (`sprop-…`).
    pub sdp_parameter_sets: bool,
    /// Profile of the Transport header, else of the m= line.
    pub profile: Option<String>,
    /// Which end sends it.
    pub direction: MediaDirection,
    /// What the SDP says of that, by the view of whoever wrote it: cameras differ in whose view they take.
    pub sdp_direction: Option<StreamDirection>,
    /// What speaks for it where no message tells of it: several signs, never one; empty for media of which messages tell.
    pub hints: Vec<MediaHint>,
    /// Whether a SETUP for it was accepted.
    pub set_up: bool,
    /// What the two ends agreed on, the client's part as the client itself wrote it.
    pub negotiated: Negotiated,
    /// The same as each leg's messages show it, in the order of [`Session::legs`](super::Session::legs).
    pub per_leg: Vec<Negotiated>,
    /// The accepted (else last) SETUP at each leg: index into that leg's exchanges.
    pub setup: Vec<Option<usize>>,
    /// The first of the SETUPs that agreed on the same one after the other, of which `setup` is the last: indices alike.
    pub first_setup: Vec<Option<usize>>,
    /// The exchanges of each leg while that SETUP was in force; empty where that is all of them.
    pub in_force: Vec<Range<usize>>,
    /// What was seen of it is no RTP, whatever was agreed on, or it was agreed on in words that name none.
    pub without_rtp: bool,
    /// It was played, and then another SETUP took its place: of the same stream (a later medium with the same `control`), or of
    /// another one to which the client turned.
    pub superseded: bool,
    /// What came beside each leg, in the order of [`Session::legs`](super::Session::legs), then at other taps that saw some.
    pub arrivals: Vec<Arrival>,
}

impl MediaStream {
    /// Whether only its packets tell of it.
    pub const fn is_inferred(&self) -> bool {
        !self.hints.is_empty()
    }

    /// Whether it is carried without RTP: MPEG-TS or else straight in UDP, as IPTV has it (`MP2T/H2221/UDP`, `RAW/RAW/UDP`), or
    /// by what came ([`Self::without_rtp`]).
    pub fn is_raw(&self) -> bool {
        let profile = self.profile.as_deref();
        self.without_rtp
            || profile.is_some_and(|profile| {
                let profile = profile.to_ascii_uppercase();
                profile.starts_with("MP2T/H2221") || profile.starts_with("RAW/RAW")
            })
    }

    /// Whether its profile names a transport of which nothing says that it is RTP (`x-real-rdt/udp`, `MP2T/UDP`).
    pub(crate) fn has_foreign_profile(&self) -> bool {
        let profile = self.profile.as_deref().unwrap_or_default();
        let profile = profile.to_ascii_uppercase();
        !profile.is_empty() && !profile.contains("RTP") && !profile.contains("AVP")
    }

    /// Encoding by its rtpmap, where the media is in clear: SRTP (RFC 3711) hides it.
    pub fn encoding_in_clear(&self) -> Option<&str> {
        let profile = self.profile.as_deref().unwrap_or_default();
        let is_hidden = profile.to_ascii_uppercase().contains("SAVP");
        self.encoding.as_deref().filter(|_| !is_hidden)
    }

    /// The exchanges of a leg while its SETUP was in force.
    pub fn exchanges_in_force<'l>(&self, leg_index: usize, leg: &'l Leg) -> &'l [Exchange] {
        let range = self.range_in_force(leg_index, leg);
        leg.exchanges.get(range).unwrap_or_default()
    }

    /// Their indices among all of the leg.
    pub(crate) fn range_in_force(&self, leg_index: usize, leg: &Leg) -> Range<usize> {
        let all = leg.exchanges.len();
        let range = self.in_force.get(leg_index);
        range.map_or(0..all, |range| range.start..range.end.min(all))
    }

    /// The SETUP at a leg that first agreed on what holds: a client may repeat it to keep the session alive.
    pub fn first_setup<'l>(&self, leg_index: usize, leg: &'l Leg) -> Option<&'l Exchange> {
        let known = |setups: &[Option<usize>]| setups.get(leg_index).copied().flatten();
        let index = known(&self.first_setup).or_else(|| known(&self.setup))?;
        leg.exchanges.get(index)
    }

    /// The SETUP that took its place at a leg.
    pub fn superseding<'l>(&self, leg_index: usize, leg: &'l Leg) -> Option<&'l Exchange> {
        leg.exchanges.get(self.in_force.get(leg_index)?.end)
    }

    /// What its packets are called.
    pub fn unit(&self) -> &'static str {
        match (self.is_raw(), self.negotiated.channels) {
            (true, Some(_)) => "frames",
            (true, None) => "datagrams",
            (false, _) => "RTP packets",
        }
    }

    /// What one of them is called.
    pub fn unit_of_one(&self) -> &'static str {
        match (self.is_raw(), self.negotiated.channels) {
            (true, Some(_)) => "frame",
            (true, None) => "datagram",
            (false, _) => "RTP packet",
        }
    }

    /// What it consists of.
    pub fn matter(&self) -> &'static str {
        if self.is_raw() { "media" } else { "RTP" }
    }
}

/// Which end sends a medium.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum MediaDirection {
    /// The server, as for every medium that is played.
    #[default]
    FromServer,
    /// The client: it records to a server (RFC 2326 §10.11), or it speaks to a camera (ONVIF Streaming §5.3).
    FromClient,
}

/// A sign that packets are a medium of a session, where no message tells of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MediaHint {
    /// RTP that goes on in sequence (RFC 3550 §A.1).
    RtpSequence,
    /// It goes between the hosts of the RTSP connection, and of no other connection that might have set it up.
    SameHosts,
    /// The same source was seen at both legs.
    SameSource,
    /// Reports go beside it (RTCP).
    Reports,
    /// The RTP-Info of an accepted PLAY names its source or its first packet.
    RtpInfo,
}

/// How packets that only repeat or repair others are told from a medium's own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Repair {
    /// Their payload types: `rtx` (RFC 4588) and forward error correction.
    pub payload_types: Vec<u8>,
    /// Their synchronisation sources, by `a=ssrc-group` (RFC 5576).
    pub sources: Vec<u32>,
}

/// Ports, channels and addresses of one medium as one leg's SETUP exchange shows them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Negotiated {
    /// RTP port in the request's `client_port`.
    pub client_rtp_port: Option<u16>,
    /// RTCP port in the request's `client_port`.
    pub client_rtcp_port: Option<u16>,
    /// RTP port of `client_port` in the response.
    pub answered_rtp_port: Option<u16>,
    /// RTCP port of `client_port` in the response.
    pub answered_rtcp_port: Option<u16>,
    /// RTP port in the response's `server_port`.
    pub server_rtp_port: Option<u16>,
    /// RTCP port in the response's `server_port`.
    pub server_rtcp_port: Option<u16>,
    /// Interleaved channels of the response, else of the request.
    pub channels: Option<(u8, u8)>,
    /// `destination` as written, of the response, else of the request; for a group without one its address in the
    /// description.
    pub destination: Option<String>,
    /// `source` of the response as written.
    pub source: Option<String>,
    /// `ssrc` of the response.
    pub ssrc: Option<u32>,
    /// Group and ports of a multicast transport, with RTP port and RTCP port.
    pub multicast: Option<(IpAddr, u16, u16)>,
}
