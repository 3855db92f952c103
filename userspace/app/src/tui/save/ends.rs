//! Which packets are a session's: told by their ends, at any tap, and by when it lasted.

use std::net::{IpAddr, SocketAddr};

use rtspscope_engine::Locator;
use rtspscope_engine::model::Session;
use rtspscope_wire::decode::{self, Body, Decoded, IpPacket};
use rtspscope_wire::netfilter::{self, Subject};
use rtspscope_wire::{Span, TapId, Timestamp};

/// Time before the first packet that a session is known by, and behind the last, in which others may still be its own: late
/// datagrams, and ICMP errors about them.
const BESIDE: Span = Span(1_000_000_000);

/// The ends between which a session's packets go.
#[derive(Debug, Default)]
pub(super) struct Ends {
    connections: Vec<(SocketAddr, SocketAddr)>,
    /// Client and server of a session with more than one connection: HTTP tunnels, and one for each request.
    many: Vec<(IpAddr, SocketAddr)>,
    flows: Vec<(SocketAddr, SocketAddr)>,
    /// Receivers of media as they were agreed on.
    receivers: Vec<SocketAddr>,
    /// Media goes to a group.
    is_multicast: bool,
    /// When it lasted at each tap, by that tap's clock.
    lasted: Vec<(TapId, Timestamp, Timestamp)>,
}

impl Ends {
    pub(super) fn of(session: &Session) -> Self {
        let mut ends = Self::default();
        for leg in &session.legs {
            ends.connections.push((leg.client, leg.server));
            if session.has_more_beside(leg) {
                ends.many.push((leg.client.ip(), leg.server));
            }
            ends.last(leg.first);
            ends.last(leg.last);
        }
        for media in &session.media {
            for arrival in &media.arrivals {
                let (rtp, rtcp) = (&arrival.rtp, &arrival.rtcp);
                ends.flows.extend(rtp.from.zip(rtp.to));
                ends.flows.extend(rtcp.from.zip(rtcp.to));
                let seen = [rtp.first, rtp.last, rtcp.first];
                seen.into_iter().flatten().for_each(|at| ends.last(at));
                for sent in &arrival.from_client {
                    ends.flows.push((sent.from, sent.to));
                    ends.last(sent.first);
                    ends.last(sent.last);
                }
            }
            for (leg, agreed) in session.legs.iter().zip(&media.per_leg) {
                let ports = [
                    agreed.client_rtp_port,
                    agreed.client_rtcp_port,
                    agreed.answered_rtp_port,
                    agreed.answered_rtcp_port,
                ];
                let at_client = |port| SocketAddr::new(leg.client.ip(), port);
                ends.receivers
                    .extend(ports.into_iter().flatten().map(at_client));
                if let Some((group, rtp, rtcp)) = agreed.multicast {
                    ends.is_multicast = true;
                    ends.receivers
                        .extend([rtp, rtcp].map(|port| SocketAddr::new(group, port)));
                }
            }
        }
        ends
    }

    /// The session lasted at this moment.
    fn last(&mut self, at: Locator) {
        let known = self.lasted.iter_mut().find(|(tap, ..)| *tap == at.tap);
        if let Some((_, first, last)) = known {
            *first = (*first).min(at.at);
            *last = (*last).max(at.at);
        } else {
            self.lasted.push((at.tap, at.at, at.at));
        }
    }

    /// Whether a packet that came at a tap is the session's. Of fragments the first tells.
    pub(super) fn have(&self, tap: TapId, at: Timestamp, packet: &IpPacket<'_>) -> bool {
        let Decoded { body, .. } = decode::transport(packet);
        if let Body::Membership(_) = body {
            // Who listened before the session began matters too.
            return self.is_multicast;
        }
        let is_its_time = self.lasted_at(tap, at);
        is_its_time
            && match body {
                Body::Tcp(segment) => self.are_of(segment.source, segment.destination),
                Body::Udp(datagram) => self.have_flow(datagram.source, datagram.destination),
                Body::Icmp(error) => {
                    let quoted = error.quoted;
                    self.are_of(quoted.source, quoted.destination)
                        || self.have_flow(quoted.source, quoted.destination)
                }
                Body::Membership(_) | Body::Other => false,
            }
    }

    /// Whether it lasted at a moment, as far as is known of the tap.
    fn lasted_at(&self, tap: TapId, at: Timestamp) -> bool {
        let known = self.lasted.iter().find(|(of, ..)| *of == tap);
        known.is_none_or(|(_, first, last)| *first - at <= BESIDE && at - *last <= BESIDE)
    }

    /// Whether netfilter speaks of a connection of the session, or of one that its helper expects.
    pub(super) fn have_told(&self, event: &netfilter::Event) -> bool {
        let have = |tuple: netfilter::Tuple| {
            self.are_of(tuple.from, tuple.to) || self.have_flow(tuple.from, tuple.to)
        };
        match &event.subject {
            Subject::Entry(entry) => have(entry.original) || have(entry.reply),
            Subject::Expectation(expectation) => have(expectation.master),
        }
    }

    pub(super) fn are_of(&self, from: SocketAddr, to: SocketAddr) -> bool {
        let is_one = |ends: &(SocketAddr, SocketAddr)| *ends == (from, to) || *ends == (to, from);
        let is_of_many =
            |ends: &(IpAddr, SocketAddr)| *ends == (from.ip(), to) || *ends == (to.ip(), from);
        self.connections.iter().any(is_one) || self.many.iter().any(is_of_many)
    }

    pub(super) fn have_flow(&self, from: SocketAddr, to: SocketAddr) -> bool {
        let is_one = |ends: &(SocketAddr, SocketAddr)| *ends == (from, to) || *ends == (to, from);
        self.flows.iter().any(is_one) || self.receivers.iter().any(|end| *end == to || *end == from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::sample;

    #[test]
    fn packets_of_a_session_are_told_by_their_ends_at_any_tap() {
        let snapshot = sample::snapshot();
        let ends = Ends::of(&snapshot.sessions[0]);
        let end = |text: &str| text.parse::<SocketAddr>().unwrap();
        assert!(ends.have_flow(end("203.0.113.10:5000"), end("203.0.113.1:9998")));
        assert!(ends.have_flow(end("203.0.113.1:9998"), end("203.0.113.10:5000")));
        assert!(!ends.have_flow(end("203.0.113.10:5000"), end("203.0.113.1:12345")));
    }
}
