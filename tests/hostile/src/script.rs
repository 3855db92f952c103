//! Traffic by a short script: bytes become frames of a few hosts that talk over connections and ports of their own.
//!
//! Bytes taken for whole frames seldom get past their headers. A script puts the headers in place, follows the sequence
//! numbers, and shows a packet at one tap or, translated as a masquerading router does, at both.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use etherparse::PacketBuilder;

/// Where a packet is seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Lan,
    Wan,
}

/// One thing that happens in a script.
#[derive(Debug)]
pub(crate) enum Act {
    /// A frame is seen.
    Frame { side: Side, bytes: Vec<u8> },
    /// The kernel's counts of a flow arrive.
    Counters {
        side: Side,
        from: SocketAddr,
        to: SocketAddr,
        payload: Vec<u8>,
    },
    /// Time passes.
    Wait { nanos: i64 },
    /// Someone looks at the result so far.
    Look,
}

const CLIENT: [Ipv4Addr; 2] = [
    Ipv4Addr::new(192, 168, 1, 100),
    Ipv4Addr::new(203, 0, 113, 1),
];
const SERVER: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 10);
const SERVER_PORTS: [u16; 4] = [554, 8554, 322, 80];

/// Media ports on either end, in pairs.
const MEDIA_PORTS: u16 = 5_000;

/// Length of the header of a record.
pub(crate) const RECORD_LEN: usize = 4;

/// One connection: the next sequence number of the client and of the server.
#[derive(Clone, Copy, Debug)]
struct Talk {
    next: [u32; 2],
}

/// Reads a script: each record is a kind, options, and the length of its payload in two bytes, then the payload.
#[derive(Debug)]
pub(crate) struct Script<'a> {
    rest: &'a [u8],
    talks: [Talk; 4],
    acts: Vec<Act>,
}

impl<'a> Script<'a> {
    pub(crate) const fn new(rest: &'a [u8]) -> Self {
        let talk = Talk {
            next: [0xffff_ff00, 1_000],
        };
        Self {
            rest,
            talks: [talk; 4],
            acts: Vec::new(),
        }
    }

    /// What one record makes happen; `None` at the end.
    pub(crate) fn next(&mut self) -> Option<Vec<Act>> {
        let ([kind, options, len @ ..], rest) = self.rest.split_first_chunk::<RECORD_LEN>()?;
        let len = usize::from(u16::from_le_bytes(*len)).min(rest.len());
        let (payload, rest) = rest.split_at(len);
        self.rest = rest;
        let connection = usize::from(options >> 6);
        let from_server = kind & 0x80 != 0;
        match kind & 0x7f {
            0 => self.show(*options, |_| payload.to_vec()),
            1..=3 => self.speak(*options, connection, from_server, payload, *kind & 0x7f),
            4 => self.flag(*options, connection, from_server, payload),
            5 => self.send_datagram(*options, from_server, payload),
            6 => self.count(*options, from_server, payload),
            7 => self.acts.push(Act::Look),
            8 => self.refuse(*options, payload),
            other => self.acts.push(Act::Wait {
                nanos: i64::from(other) << (options & 0x1f),
            }),
        }
        Some(std::mem::take(&mut self.acts))
    }

    /// Shows a frame at the LAN side, at the WAN side or at both, by the lowest two bits of the options.
    fn show(&mut self, options: u8, frame: impl Fn(Side) -> Vec<u8>) {
        for (bit, side) in [(1, Side::Lan), (2, Side::Wan)] {
            if options & bit == 0 {
                let bytes = frame(side);
                self.acts.push(Act::Frame { side, bytes });
            }
        }
    }

    /// Data: in order (1), lost on the way to the taps (2), or sent again from a little before (3).
    fn speak(
        &mut self,
        options: u8,
        connection: usize,
        from_server: bool,
        payload: &[u8],
        kind: u8,
    ) {
        let sender = usize::from(from_server);
        let next = self.talks[connection].next;
        let seq = match kind {
            3 => next[sender].wrapping_sub(u32::from(options & 0x3c)),
            _ => next[sender],
        };
        self.talks[connection].next[sender] = seq.wrapping_add(payload.len() as u32);
        if kind != 2 {
            let ack = next[1 - sender];
            self.show(options, |side| {
                tcp(side, connection, from_server, [seq, ack], 0x18, payload)
            });
        }
    }

    /// A segment with any flags, and at most a little data.
    fn flag(&mut self, options: u8, connection: usize, from_server: bool, payload: &[u8]) {
        let sender = usize::from(from_server);
        let flags = payload.first().map_or(0x02, |flags| flags & 0x1f);
        let next = self.talks[connection].next;
        let (seq, ack) = (next[sender], next[1 - sender]);
        // SYN and FIN take a number each.
        self.talks[connection].next[sender] = seq.wrapping_add(u32::from(flags & 0x03 != 0));
        self.show(options, |side| {
            tcp(side, connection, from_server, [seq, ack], flags, &[])
        });
    }

    fn send_datagram(&mut self, options: u8, from_server: bool, payload: &[u8]) {
        self.show(options, |side| udp(side, options, from_server, payload));
    }

    fn count(&mut self, options: u8, from_server: bool, payload: &[u8]) {
        let side = if options & 1 == 0 {
            Side::Lan
        } else {
            Side::Wan
        };
        let [from, to] = media_ends(side, options, from_server);
        let payload = payload.to_vec();
        self.acts.push(Act::Counters {
            side,
            from,
            to,
            payload,
        });
    }

    /// The client's host refuses a datagram with ICMP.
    fn refuse(&mut self, options: u8, payload: &[u8]) {
        self.show(options, |side| {
            let quoted = udp(side, options, true, payload);
            let quoted = quoted.get(14..).unwrap_or_default();
            let builder = PacketBuilder::ethernet2([2; 6], [4; 6]).ipv4(
                CLIENT[side as usize].octets(),
                SERVER.octets(),
                64,
            );
            let kind = options >> 2 & 0x0f;
            written(builder.icmpv4_raw(3, kind, [0; 4]), quoted)
        });
    }
}

fn tcp(
    side: Side,
    connection: usize,
    from_server: bool,
    [seq, ack]: [u32; 2],
    flags: u8,
    payload: &[u8],
) -> Vec<u8> {
    let client = SocketAddr::new(
        IpAddr::V4(CLIENT[side as usize]),
        40_000 + connection as u16,
    );
    let server = SocketAddr::new(IpAddr::V4(SERVER), SERVER_PORTS[connection]);
    let (from, to) = if from_server {
        (server, client)
    } else {
        (client, server)
    };
    let mut builder = ip(from, to).tcp(from.port(), to.port(), seq, 1_000);
    if flags & 0x01 != 0 {
        builder = builder.fin();
    }
    if flags & 0x02 != 0 {
        builder = builder.syn();
    }
    if flags & 0x04 != 0 {
        builder = builder.rst();
    }
    if flags & 0x10 != 0 {
        builder = builder.ack(ack);
    }
    written(builder, payload)
}

fn udp(side: Side, options: u8, from_server: bool, payload: &[u8]) -> Vec<u8> {
    let [from, to] = media_ends(side, options, from_server);
    written(ip(from, to).udp(from.port(), to.port()), payload)
}

fn media_ends(side: Side, options: u8, from_server: bool) -> [SocketAddr; 2] {
    let ports = [options >> 2 & 3, options >> 4 & 3].map(|port| MEDIA_PORTS + u16::from(port));
    let client = SocketAddr::new(IpAddr::V4(CLIENT[side as usize]), ports[0]);
    let server = SocketAddr::new(IpAddr::V4(SERVER), 1_000 + ports[1]);
    if from_server {
        [server, client]
    } else {
        [client, server]
    }
}

fn ip(from: SocketAddr, to: SocketAddr) -> etherparse::PacketBuilderStep<etherparse::IpHeaders> {
    let octets = |end: SocketAddr| match end.ip() {
        IpAddr::V4(ip) => ip.octets(),
        IpAddr::V6(_) => [0; 4],
    };
    PacketBuilder::ethernet2([2; 6], [4; 6]).ipv4(octets(from), octets(to), 64)
}

/// The frame; empty where the payload is too long for a packet.
fn written<Step: Write>(step: Step, payload: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(payload.len() + 64);
    if step.write_to(&mut frame, payload) {
        frame
    } else {
        Vec::new()
    }
}

/// The last step of a packet builder.
trait Write {
    fn write_to(self, frame: &mut Vec<u8>, payload: &[u8]) -> bool;
}

macro_rules! write {
    ($($step:ty),*) => {
        $(impl Write for etherparse::PacketBuilderStep<$step> {
            fn write_to(self, frame: &mut Vec<u8>, payload: &[u8]) -> bool {
                self.write(frame, payload).is_ok()
            }
        })*
    };
}

write!(
    etherparse::TcpHeader,
    etherparse::UdpHeader,
    etherparse::Icmpv4Header
);
