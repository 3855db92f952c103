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

/// A request without which nothing plays and that the server did not grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Its method.
    pub method: &'static str,
    /// Status code of the answer: an error, or a redirection (RFC 2326 §11.3).
    pub status: u16,
    /// Where the answer sends the client instead, as written; outputs redact.
    pub location: Option<String>,
}

/// Requests on the way to media.
const ON_THE_WAY: [&str; 5] = ["DESCRIBE", "ANNOUNCE", "SETUP", "PLAY", "RECORD"];

impl Session {
    /// Whether other connections than that of a leg, between its hosts, carry the session too: an HTTP tunnel has two, and some
    /// clients open one for each request.
    pub fn has_more_beside(&self, leg: &Leg) -> bool {
        self.transport == TransportKind::HttpTunnel || leg.by_request
    }

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

    /// What the server refused or sent elsewhere at last, as the leg next to the client shows it; `None` where the last request on the way to
    /// media was granted or not answered.
    pub fn refused(&self) -> Option<Refused> {
        let exchanges = self.legs.first()?.exchanges.iter();
        let of_client = exchanges.filter(|exchange| exchange.by == Side::Client);
        let (last, method) = of_client.rev().find_map(|exchange| {
            let mut methods = ON_THE_WAY.into_iter();
            Some((exchange, methods.find(|method| exchange.is(method))?))
        })?;
        let status = last.status().filter(|status| *status >= 300)?;
        let location = last.response.as_deref().and_then(|answer| {
            let fields = crate::reading::fields(answer);
            Some(fields.header("Location")?.value.text().into_owned())
        });
        Some(Refused {
            method,
            status,
            location,
        })
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

#[cfg(test)]
mod tests {
    use super::Refused;
    use crate::testkit::{Scene, UDP_TALK};

    fn refused(talk: &str) -> Option<Refused> {
        Scene::behind_nat(talk).checked().sessions[0].refused()
    }

    #[test]
    fn the_last_request_on_the_way_to_media_tells_what_was_refused() {
        let talk = UDP_TALK.replace(
            "0.05 < RTSP/1.0 200 OK",
            "0.05 < RTSP/1.0 454 Session Not Found",
        );
        let play = Refused {
            method: "PLAY",
            status: 454,
            location: None,
        };
        assert_eq!(refused(&talk), Some(play));
        assert_eq!(refused(UDP_TALK), None);
    }

    #[test]
    fn a_redirection_tells_where_to() {
        let moved = "
    0.00 > DESCRIBE rtsp://203.0.113.10/a RTSP/1.0 | CSeq: 1
    0.01 < RTSP/1.0 302 Moved Temporarily | CSeq: 1 | Location: rtsp://203.0.113.20/b";
        let sent = Refused {
            method: "DESCRIBE",
            status: 302,
            location: Some("rtsp://203.0.113.20/b".to_owned()),
        };
        assert_eq!(refused(moved), Some(sent));
    }

    #[test]
    fn a_refusal_that_a_later_request_made_good_is_none() {
        let again = "
    0.00 > DESCRIBE rtsp://203.0.113.10/a RTSP/1.0 | CSeq: 1
    0.00 < RTSP/1.0 401 Unauthorized | CSeq: 1";
        assert_eq!(refused(&format!("{again}{UDP_TALK}")), None);
    }
}
