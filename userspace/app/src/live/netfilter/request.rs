//! What connection tracking is asked for: a whole table, or one entry.

use std::net::{IpAddr, SocketAddr};

use netlink_packet_core::{
    DefaultNla, Emitable, NLA_F_NESTED, NLM_F_ACK, NLM_F_DUMP, NLM_F_REQUEST, NetlinkHeader,
};
use rtspscope_wire::netfilter::Tuple;

/// Types of the requests (`linux/netfilter/nfnetlink.h`): subsystem in the high byte, `GET` in the low one.
const ENTRIES: u16 = 0x101;
const EXPECTATIONS: u16 = 0x201;

/// A netlink header, and netfilter's own behind it.
const HEADER_LEN: usize = 16;
const NETFILTER_HEADER_LEN: usize = 4;

/// Any number but 0, by which an answer is told from an event.
const NUMBER: u32 = 1;

/// Address families (`linux/socket.h`), in a byte of netfilter's header.
const ANY_FAMILY: u8 = 0;
const INET: u8 = 2;
const INET6: u8 = 10;

/// Attributes of `linux/netfilter/nfnetlink_conntrack.h`: of an entry, of a tuple, of its addresses and of its protocol.
const CTA_TUPLE_ORIG: u16 = 1;
const CTA_TUPLE_IP: u16 = 1;
const CTA_TUPLE_PROTO: u16 = 2;
const CTA_IP_V4_SRC: u16 = 1;
const CTA_IP_V4_DST: u16 = 2;
const CTA_IP_V6_SRC: u16 = 3;
const CTA_IP_V6_DST: u16 = 4;
const CTA_PROTO_NUM: u16 = 1;
const CTA_PROTO_SRC_PORT: u16 = 2;
const CTA_PROTO_DST_PORT: u16 = 3;

/// A question to connection tracking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Request {
    /// All entries, of any family.
    Entries,
    /// All expectations.
    Expectations,
    /// The entry of which one direction is this one.
    Entry(Direction, Tuple),
}

/// Which way of a connection an entry is asked for by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    /// From the client to the server, as a tap shows it.
    Forth,
    /// The other way.
    Back,
}

impl Request {
    /// Its message.
    pub(super) fn message(self) -> Vec<u8> {
        let (kind, flags, family, tuple) = match self {
            Self::Entries => (ENTRIES, NLM_F_DUMP, ANY_FAMILY, Vec::new()),
            Self::Expectations => (EXPECTATIONS, NLM_F_DUMP, ANY_FAMILY, Vec::new()),
            Self::Entry(_, tuple) => {
                let family = if tuple.from.is_ipv4() { INET } else { INET6 };
                (ENTRIES, NLM_F_ACK, family, attribute_of(tuple))
            }
        };
        let mut message = vec![0; HEADER_LEN + NETFILTER_HEADER_LEN];
        message.extend(tuple);
        let mut header = NetlinkHeader::default();
        header.length = message.len() as u32;
        header.message_type = kind;
        header.flags = NLM_F_REQUEST | flags;
        header.sequence_number = NUMBER;
        header.emit(&mut message[..HEADER_LEN]);
        message[HEADER_LEN] = family;
        message
    }
}

/// A tuple as the key of an entry. The kernel finds an entry by either of its directions, whichever this is called.
fn attribute_of(tuple: Tuple) -> Vec<u8> {
    let addresses = match (tuple.from.ip(), tuple.to.ip()) {
        (IpAddr::V4(from), IpAddr::V4(to)) => [
            DefaultNla::new(CTA_IP_V4_SRC, from.octets().into()),
            DefaultNla::new(CTA_IP_V4_DST, to.octets().into()),
        ],
        (from, to) => {
            let octets = |ip: IpAddr| match ip {
                IpAddr::V4(ip) => ip.to_ipv6_mapped().octets(),
                IpAddr::V6(ip) => ip.octets(),
            };
            [
                DefaultNla::new(CTA_IP_V6_SRC, octets(from).into()),
                DefaultNla::new(CTA_IP_V6_DST, octets(to).into()),
            ]
        }
    };
    let port = |end: SocketAddr| end.port().to_be_bytes().into();
    let protocol = [
        DefaultNla::new(CTA_PROTO_NUM, vec![tuple.protocol]),
        DefaultNla::new(CTA_PROTO_SRC_PORT, port(tuple.from)),
        DefaultNla::new(CTA_PROTO_DST_PORT, port(tuple.to)),
    ];
    let ends = [
        nested(CTA_TUPLE_IP, &addresses),
        nested(CTA_TUPLE_PROTO, &protocol),
    ];
    emitted(&[nested(CTA_TUPLE_ORIG, &ends)])
}

fn nested(kind: u16, attributes: &[DefaultNla]) -> DefaultNla {
    DefaultNla::new(kind | NLA_F_NESTED, emitted(attributes))
}

fn emitted(attributes: &[DefaultNla]) -> Vec<u8> {
    let mut bytes = vec![0; attributes.buffer_len()];
    attributes.emit(&mut bytes);
    bytes
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};
    use std::process::Command;

    use netlink_sys::Socket;
    use netlink_sys::protocols::NETLINK_NETFILTER;
    use rtspscope_wire::netfilter::{Change, Event, Subject, messages};

    use super::*;
    use crate::live::privilege;
    use crate::live::testing::in_own_namespace;

    #[test]
    fn a_table_is_a_dump_of_one_subsystem() {
        for (request, kind) in [
            (Request::Entries, 0x101_u16),
            (Request::Expectations, 0x201),
        ] {
            let bytes = request.message();
            assert_eq!(bytes[..4], 20_u32.to_ne_bytes());
            assert_eq!(bytes[4..6], kind.to_ne_bytes());
            assert_eq!(bytes[6..8], 0x301_u16.to_ne_bytes());
            assert_eq!(bytes[8..12], 1_u32.to_ne_bytes());
            assert_eq!(bytes[12..], [0; 8]);
        }
    }

    #[test]
    fn an_entry_is_asked_for_by_its_ends() {
        for (from, to, family, len) in [
            ("192.168.1.100:49772", "203.0.113.10:21", 2, 72),
            ("[2001:db8::1]:49772", "[2001:db8::2]:21", 10, 96),
        ] {
            let tuple = Tuple {
                protocol: Tuple::TCP,
                from: from.parse().unwrap(),
                to: to.parse().unwrap(),
            };
            let bytes = Request::Entry(Direction::Forth, tuple).message();
            assert_eq!(bytes.len(), len);
            assert_eq!(bytes[6..8], 0x5_u16.to_ne_bytes());
            assert_eq!(bytes[16], family);
            assert_eq!(
                messages(&bytes).count(),
                1,
                "one message, of the length it says"
            );
        }
    }

    /// As the kernel writes the same tuple of an entry (its own message, off a socket).
    #[test]
    fn ends_are_written_as_the_kernel_writes_them() {
        let tuple = Tuple {
            protocol: Tuple::TCP,
            from: "192.168.1.100:49772".parse().unwrap(),
            to: "203.0.113.10:21".parse().unwrap(),
        };
        let theirs = "340001801400018008000100c0a8016408000200cb00710a1c000280050001000600000006000200c26c\
                      00000600030000150000";
        let digits = |at: usize| u8::from_str_radix(&theirs[at..at + 2], 16).unwrap();
        let theirs: Vec<_> = (0..theirs.len()).step_by(2).map(digits).collect();
        assert_eq!(attribute_of(tuple), theirs);
    }

    /// What the kernel answers, up to the message that ends the answer.
    fn ask(socket: &Socket, request: Request) -> (Vec<Event>, Option<i32>) {
        socket.send(&request.message(), 0).unwrap();
        let (mut events, mut buffer) = (Vec::new(), Vec::with_capacity(1 << 16));
        loop {
            buffer.clear();
            socket.recv(&mut buffer, 0).unwrap();
            for message in messages(&buffer) {
                events.extend(message.event());
                if message.refusal().is_some() || message.is_done() {
                    return (events, message.refusal());
                }
            }
        }
    }

    fn run(words: &[&str]) -> bool {
        let status = Command::new(words[0]).args(&words[1..]).status();
        status.is_ok_and(|status| status.success())
    }

    #[test]
    fn the_kernel_finds_an_entry_by_either_of_its_directions() {
        if privilege::check_raw().is_err() {
            println!(
                "the_kernel_finds_an_entry_by_either_of_its_directions: skipped, it needs root"
            );
            return;
        }
        let outcome = in_own_namespace(|| {
            assert!(run(&["ip", "link", "set", "lo", "up"]));
            // A rule that asks for the state of connections makes the namespace track them.
            let rules = "table inet t { chain c { type filter hook output priority 0; ct state new accept; }; }";
            assert!(run(&["nft", rules]));
            for host in ["127.0.0.1:0", "[::1]:0"] {
                let listener = TcpListener::bind(host).unwrap();
                let peer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
                let forth = Tuple {
                    protocol: Tuple::TCP,
                    from: peer.local_addr().unwrap(),
                    to: peer.peer_addr().unwrap(),
                };
                let back = Tuple {
                    from: forth.to,
                    to: forth.from,
                    ..forth
                };
                let mut socket = Socket::new(NETLINK_NETFILTER).unwrap();
                socket.bind_auto().unwrap();
                for (direction, tuple) in [(Direction::Forth, forth), (Direction::Back, back)] {
                    let (events, refusal) = ask(&socket, Request::Entry(direction, tuple));
                    let [event] = &events[..] else {
                        panic!("{events:?} {refusal:?}");
                    };
                    let Subject::Entry(entry) = &event.subject else {
                        panic!("{event:?}");
                    };
                    assert_eq!(event.change, Change::Present);
                    assert_eq!((entry.original, entry.reply), (forth, back));
                    assert_eq!(refusal, Some(0));
                }
                let nobody = Tuple {
                    to: SocketAddr::new(forth.to.ip(), 1),
                    ..forth
                };
                let answer = ask(&socket, Request::Entry(Direction::Forth, nobody));
                assert_eq!(answer, (Vec::new(), Some(libc::ENOENT)));
                let (events, refusal) = ask(&socket, Request::Entries);
                assert!(!events.is_empty() && refusal.is_none());
            }
        });
        assert!(outcome.is_ok());
    }
}
