//! Media that the server sent where it was asked to, and that the router handed to another host or port.
//!
//! A port forward to another host, a mapping that somebody else made, an ALG that took a port for another: what comes out inside
//! is not what the client waits for, though a tap there sees it all.

use std::net::SocketAddr;

use super::{MediaFacts, Nearest};
use crate::locator::Locator;
use crate::model::MediaDirection;

/// Where such media came out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Misdelivered {
    /// Where the server sent it, as its own side shows it.
    pub(crate) sent_to: SocketAddr,
    /// Where it came out.
    pub(crate) to: SocketAddr,
    /// Where the client waits for it.
    pub(crate) asked: SocketAddr,
    /// The first packet that came out there.
    pub(crate) first: Locator,
}

impl<'a> MediaFacts<'a> {
    /// RTP that came out next to the client and is not for it; `None` too where a message or a packet of the client may have
    /// named that place.
    pub(crate) fn misdelivered(self) -> Option<Misdelivered> {
        let sides = self.facts.sides()?;
        if self.media.direction != MediaDirection::FromServer || !self.is_udp() {
            return None;
        }
        let inside = self.nearest_at(sides.client_index)?;
        let outside = self.nearest_at(sides.server_index)?;
        let (to, first) = (inside.rtp().to?, inside.rtp().first?);
        let sent_to = outside.rtp().to?;
        let port = inside.agreed().client_rtp_port.filter(|port| *port != 0)?;
        let setup = self.setup_request(sides.client_index)?;
        if first.at < setup.at || !outside.is_for_client(sent_to) || inside.is_for_client(to) {
            return None;
        }
        let asked = SocketAddr::new(sides.client.client.ip(), port);
        (!inside.was_used(to)).then_some(Misdelivered {
            sent_to,
            to,
            asked,
            first,
        })
    }

    fn nearest_at(self, leg_index: usize) -> Option<Nearest<'a>> {
        Some(Nearest {
            media: self,
            leg_index,
            leg: self.facts.session.legs.get(leg_index)?,
            arrival: self.arrival(leg_index)?,
            one_sided: false,
        })
    }
}

impl Nearest<'_> {
    fn is_for_client(&self, to: SocketAddr) -> bool {
        to.ip().is_multicast() || (self.may_go_to_host(to.ip()) && self.may_go_to(to.port()))
    }

    /// Whether the client had sent from there before, for whatever else.
    fn was_used(&self, end: SocketAddr) -> bool {
        let mut earlier = self.arrival.earlier_uses.iter();
        earlier.any(|used| used.end == end)
    }
}
