//! A medium as it was seen nearest to the server: on the server's side of the router, else at the one side that was seen.
//!
//! One side proves less. A router may be between the tap and either end, and what the client sent before is known only
//! where the capture has the whole session; so an answer that may rest on a gap is `None` there.

use std::net::{IpAddr, SocketAddr};

use super::MediaFacts;
use crate::model::{Arrival, Leg, Negotiated, RtpArrival};
use crate::nat::address;
use crate::reading;

/// A medium at the leg nearest to the server.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Nearest<'a> {
    pub(crate) media: MediaFacts<'a>,
    /// Position of the leg in [`Session::legs`](crate::model::Session::legs).
    pub(crate) leg_index: usize,
    /// The leg.
    pub(crate) leg: &'a Leg,
    /// What was seen beside it.
    pub(crate) arrival: &'a Arrival,
    /// Whether the other side of a router, if there is one, was not seen.
    pub(crate) one_sided: bool,
}

impl<'a> MediaFacts<'a> {
    /// The medium nearest to the server; `None` also where one side was seen and not all of the session there.
    pub(crate) fn nearest_to_server(self) -> Option<Nearest<'a>> {
        let (sides, legs) = (self.facts.sides(), &self.facts.session.legs);
        let leg_index = sides.map_or(legs.len().checked_sub(1)?, |sides| sides.server_index);
        let nearest = Nearest {
            media: self,
            leg_index,
            leg: legs.get(leg_index)?,
            arrival: self.arrival(leg_index)?,
            one_sided: sides.is_none(),
        };
        (!nearest.one_sided || nearest.is_whole()).then_some(nearest)
    }
}

impl Nearest<'_> {
    /// Its RTP.
    pub(crate) fn rtp(&self) -> &RtpArrival {
        &self.arrival.rtp
    }

    /// What the SETUP that counts agreed on.
    pub(crate) fn agreed(&self) -> &Negotiated {
        self.media.negotiated_at(self.leg_index)
    }

    /// Whether client and server are in one network, so that no NAT is between them.
    pub(crate) fn in_one_network(&self) -> bool {
        address::are_neighbours(self.leg.client.ip(), self.leg.server.ip())
    }

    /// Whether media may go to this port: any SETUP of the medium or its answer names it, or the client sent from it.
    pub(crate) fn may_go_to(&self, port: u16) -> bool {
        let is_named = |agreed: &Negotiated| {
            let destination = agreed.destination.as_deref();
            let named = destination.and_then(|text| text.parse::<SocketAddr>().ok());
            [agreed.client_rtp_port, agreed.answered_rtp_port].contains(&Some(port))
                || named.is_some_and(|named| named.port() == port)
        };
        self.setups().iter().any(is_named)
            || self.client_ports().any(|own| own == port)
            || self.may_be_translated()
    }

    /// Whether media may go to this host: it is the client, or a SETUP of the medium or its answer names it.
    pub(crate) fn may_go_to_host(&self, host: IpAddr) -> bool {
        let is_named = |agreed: &Negotiated| {
            let destination = agreed.destination.as_deref();
            destination.is_some_and(|named| match named.parse::<IpAddr>() {
                Ok(named) => named.to_canonical() == host.to_canonical(),
                // A name or an address with a port. Whose name it is nobody can tell.
                Err(_) => true,
            })
        };
        host == self.leg.client.ip() || self.setups().iter().any(is_named)
    }

    /// The ports from which the client sent at this tap, for any medium.
    fn client_ports(&self) -> impl Iterator<Item = u16> {
        let media = self.media.facts.media();
        let arrivals = media.filter_map(|medium| medium.arrival(self.leg_index));
        arrivals
            .flat_map(|arrival| &arrival.from_client)
            .map(|sent| sent.from.port())
    }

    /// Whether a NAT on the way to the only tap may have changed the client's ports: the client sends from one that it named
    /// in no SETUP, or nothing of what it sends is in the capture.
    fn may_be_translated(&self) -> bool {
        let media = self.media.facts.media();
        let named: Vec<u16> = media
            .map(|medium| medium.negotiated_at(self.leg_index))
            .flat_map(|agreed| {
                let next = agreed.client_rtp_port.map(|port| port.wrapping_add(1));
                let client = [agreed.client_rtp_port, agreed.client_rtcp_port, next];
                client.into_iter().flatten()
            })
            .collect();
        let mut ports = self.client_ports().peekable();
        self.one_sided && (ports.peek().is_none() || ports.any(|port| !named.contains(&port)))
    }

    /// Whether media may come from this port: any answer to a SETUP of the medium names it, if only as the end of a range
    /// that is written backwards.
    fn may_come_from(&self, port: u16) -> bool {
        self.setups().into_iter().any(|agreed| {
            let backwards = agreed.server_rtcp_port.zip(agreed.server_rtp_port);
            let backwards = backwards.filter(|(end, begin)| end.checked_add(1) == Some(*begin));
            agreed.server_rtp_port == Some(port) || backwards.is_some_and(|(end, _)| end == port)
        })
    }

    /// The port that the server announced, where media comes from another one. Of a stranger's media the port says nothing.
    pub(crate) fn announced_elsewhere(&self) -> Option<u16> {
        let from = self.rtp().from?;
        // Some servers write 0 for "as you will see".
        let announced = self.agreed().server_rtp_port.filter(|port| *port != 0)?;
        let is_other = announced != from.port() && !self.may_come_from(from.port());
        let tells = !self.one_sided || self.may_come_from_host(from.ip());
        (is_other && tells).then_some(announced)
    }

    /// Whether media may come from this host: it is the server, or the answer names it.
    pub(crate) fn may_come_from_host(&self, host: IpAddr) -> bool {
        let is_named = |source: &str| match source.parse::<IpAddr>() {
            Ok(named) => named.to_canonical() == host.to_canonical(),
            // A name or an address with a port. Whose name it is nobody can tell.
            Err(_) => self.one_sided || source.contains(&host.to_string()),
        };
        host == self.leg.server.ip() || self.agreed().source.as_deref().is_some_and(is_named)
    }

    /// What each SETUP of the medium at this leg agreed on: a player may ask again, for other ports.
    fn setups(&self) -> Vec<Negotiated> {
        let path = |index: usize| {
            let request = self.leg.exchanges.get(index)?.request.as_deref()?;
            reading::uri_path(&request.raw)
        };
        let counts = self.media.media.setup.get(self.leg_index).copied();
        let Some(own) = counts.flatten().and_then(path) else {
            return vec![self.agreed().clone()];
        };
        let exchanges = self.leg.exchanges.iter().enumerate();
        let same = exchanges.filter(|(index, exchange)| {
            exchange.is("SETUP") && path(*index).as_ref() == Some(&own)
        });
        same.map(|(_, exchange)| crate::media::negotiated(exchange, None))
            .collect()
    }

    /// Whether nothing that matters here can be missing: the connection was seen from its beginning without a gap, and the
    /// media began after it was asked for. Media that was there before is somebody else's.
    fn is_whole(&self) -> bool {
        let rtp = self.rtp();
        let asked = self.media.setup_request(self.leg_index);
        let began_in_time = asked.zip(rtp.first).is_some_and(|(asked, first)| {
            // A flow is counted anew from the SETUP that names its ends.
            let mut before = self.media.facts.capture.unclaimed.iter();
            let was_there = before.any(|flow| {
                (flow.first.tap, Some(flow.from), Some(flow.to)) == (self.leg.tap, rtp.from, rtp.to)
                    && flow.first.at < asked.at
            });
            asked.at <= first.at && !was_there
        });
        began_in_time
            && !self.leg.began_before()
            && self.leg.missing_bytes == 0
            && self.leg.dropped_messages == 0
            && !self.media.facts.capture.may_lack_segments()
    }
}
