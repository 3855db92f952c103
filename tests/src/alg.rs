//! A stand-in for a router's RTSP application layer gateway, with the faults that real ones have.
//!
//! [`Gateway`] sees the TCP packets of RTSP connections as NFQUEUE hands them over (IPv4, addresses before
//! translation) and decides on each; it does no I/O. Like real helpers it works on one segment at a time, keeps the
//! connection (same initial sequence numbers) and shifts the sequence numbers after a change of length by itself.

pub mod edit;
pub mod segment;
pub mod settings;
pub mod shift;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddrV4};

use segment::Segment;
use settings::{Fault, Settings};
use shift::Shift;

/// Which way a packet goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From the RTSP client to the server.
    ToServer,
    /// From the RTSP server to the client.
    ToClient,
}

/// A way in for media that the gateway wants opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pinhole {
    /// Where the media comes from.
    pub server: Ipv4Addr,
    /// The port at the router's public address.
    pub outside_port: u16,
    /// The client's own port.
    pub inside: SocketAddrV4,
}

/// What becomes of one packet.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It goes on as it came.
    Unchanged,
    /// It goes on with these bytes.
    Changed(Vec<u8>),
    /// It is swallowed.
    Dropped,
}

/// The state of the gateway: its settings, the ports it gave out and the connections it follows.
#[derive(Debug)]
pub struct Gateway {
    settings: Settings,
    next_port: u16,
    connections: BTreeMap<(SocketAddrV4, SocketAddrV4), Connection>,
}

/// One RTSP connection.
#[derive(Debug, Default)]
struct Connection {
    /// Asked RTP port -> RTP port given in its place.
    ports: BTreeMap<u16, u16>,
    to_server: Shift,
    to_client: Shift,
}

impl Gateway {
    /// A gateway that has seen nothing yet.
    pub fn new(settings: Settings) -> Self {
        let next_port = settings.first_port;
        Self {
            settings,
            next_port,
            connections: BTreeMap::new(),
        }
    }

    /// Decides on one packet; pinholes to be opened first are added to `pinholes`.
    pub fn handle_packet(
        &mut self,
        direction: Direction,
        packet: &[u8],
        pinholes: &mut Vec<Pinhole>,
    ) -> Verdict {
        let Some(mut segment) = Segment::read(packet) else {
            return Verdict::Unchanged;
        };
        let (client, server) = match direction {
            Direction::ToServer => (segment.source(), segment.destination()),
            Direction::ToClient => (segment.destination(), segment.source()),
        };
        let connection = self.connections.entry((client, server)).or_default();
        if self.settings.drops(direction, segment.payload()) {
            return Verdict::Dropped;
        }
        let text = match direction {
            Direction::ToServer => {
                let mut give = Ports {
                    next: &mut self.next_port,
                    given: &mut connection.ports,
                };
                let change = edit::request(segment.payload(), &self.settings, |asked| {
                    give.port_for(asked)
                });
                let ports = match () {
                    () if self.settings.has(Fault::NoPinhole) => 0,
                    () if self.settings.has(Fault::RtpOnly) => 1,
                    () => usize::MAX,
                };
                pinholes.extend(
                    change
                        .ports
                        .iter()
                        .flat_map(|pair| pair.pinholes(client, *server.ip()).take(ports)),
                );
                change.text
            }
            Direction::ToClient => edit::reply(
                segment.payload(),
                &self.settings,
                &connection.ports,
                *client.ip(),
            ),
        };
        let (own, other) = match direction {
            Direction::ToServer => (&mut connection.to_server, &connection.to_client),
            Direction::ToClient => (&mut connection.to_client, &connection.to_server),
        };
        if self.settings.has(Fault::NoAdjustment) {
            return segment.shift(&mut Shift::default(), &Shift::default(), text);
        }
        segment.shift(own, other, text)
    }
}

/// The ports a connection was given, and where the next come from.
struct Ports<'a> {
    next: &'a mut u16,
    given: &'a mut BTreeMap<u16, u16>,
}

impl Ports<'_> {
    /// The port in place of `asked`: the same one again for a retransmission, else the next free pair.
    fn port_for(&mut self, asked: u16) -> u16 {
        *self.given.entry(asked).or_insert_with(|| {
            let port = *self.next;
            *self.next = port.wrapping_add(2);
            port
        })
    }
}

impl edit::PortPair {
    fn pinholes(self, client: SocketAddrV4, server: Ipv4Addr) -> impl Iterator<Item = Pinhole> {
        (0..self.count).map(move |step| Pinhole {
            server,
            outside_port: self.given.wrapping_add(step),
            inside: SocketAddrV4::new(*client.ip(), self.asked.wrapping_add(step)),
        })
    }
}

#[cfg(test)]
mod tests;
