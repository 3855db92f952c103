//! One player at one camera.

use std::net::SocketAddr;

use rtspscope_wire::Timestamp;

use super::{AlgJudgement, Leg, MediaStream, NatPair, Netfilter, Side};

/// How far a session came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionState {
    /// Requests are under way, no PLAY or RECORD was accepted yet.
    Negotiating,
    /// PLAY or RECORD was accepted.
    Playing,
    /// Ended by TEARDOWN or by the end of its connection after it had played.
    Ended,
    /// Over without ever playing.
    Failed,
}

/// What carries the media.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransportKind {
    /// RTP over unicast UDP.
    Udp,
    /// Interleaved in the RTSP connection (RFC 2326 §10.12).
    Tcp,
    /// RTP to a group address.
    Multicast,
    /// RTSP and media in a pair of HTTP connections.
    HttpTunnel,
    /// The connection is TLS and cannot be read.
    Tls,
    /// No SETUP was answered.
    Unknown,
}

/// One RTSP session as a person understands it: one player, one camera, one or two legs.
#[derive(Clone, Debug)]
pub struct Session {
    /// Number in this snapshot's run, from 1, stable while the engine lives.
    pub id: u32,
    /// The presentation's URL as the client asked for it (first request URI), credentials included: outputs redact.
    pub url: Option<String>,
    /// How far it came.
    pub state: SessionState,
    /// Client end at the leg next to the client.
    pub client: SocketAddr,
    /// The client's User-Agent.
    pub user_agent: Option<String>,
    /// Server end at the leg next to the server.
    pub server: SocketAddr,
    /// The server's Server header.
    pub server_name: Option<String>,
    /// One leg for each tap that saw the connection, and two for a tap that saw it on both sides of the router; the leg next
    /// to the client first.
    pub legs: Vec<Leg>,
    /// What carries the media.
    pub transport: TransportKind,
    /// First packet at any leg.
    pub started_at: Timestamp,
    /// Last packet of the connection, once it is closed or torn down.
    pub ended_at: Option<Timestamp>,
    /// Session timeout in seconds: the server's, else 60 (RFC 2326 §12.37); `None` before a session exists.
    pub timeout_secs: Option<u32>,
    /// Media in order of SETUP, then those that SDP announced and no SETUP asked for.
    pub media: Vec<MediaStream>,
    /// How the legs belong together; `None` with one leg.
    pub nat: Option<NatPair>,
    /// What an ALG did and what that did to the session.
    pub alg: AlgJudgement,
    /// What the router's own connection tracking says of the session; `None` where it was not listened to.
    pub netfilter: Option<Netfilter>,
}

impl Session {
    /// The media that no later SETUP took the place of; all of them where nothing came of those.
    pub fn media_in_force(&self) -> impl Iterator<Item = &MediaStream> {
        let came = |media: &MediaStream| {
            let mut arrivals = media.arrivals.iter();
            arrivals.any(|arrival| arrival.rtp.packets > 0)
        };
        let mut current = self.media.iter().filter(|media| !media.superseded);
        let all = !current.any(came);
        self.media
            .iter()
            .filter(move |media| all || !media.superseded)
    }

    /// Which end a leg is next to, where its tap saw the connection on both sides of the router and so its name does not
    /// tell the leg; `None` elsewhere.
    pub fn side_at_one_tap(&self, leg: usize) -> Option<Side> {
        let tap = self.legs.get(leg)?.tap;
        let is_there = |leg: &Leg| leg.tap == tap;
        let near = self.legs.iter().position(is_there)?;
        let far = self.legs.iter().rposition(is_there)?;
        (near != far).then_some(if leg == near {
            Side::Client
        } else {
            Side::Server
        })
    }
}
