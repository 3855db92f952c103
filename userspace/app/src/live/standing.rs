//! Connections to RTSP ports that were there before the run: whoever starts it does so because a picture is frozen now.
//!
//! Media over UDP is followed between hosts that speak RTSP, and a player speaks only every 30 to 60 s. The router's own
//! table lists its connections with the addresses on both sides of its NAT, and the kernel those of this machine itself: a
//! proxy, or a computer that watches its own player. They are asked once, before any program is attached. A connection
//! that does not speak RTSP costs some counting and nothing else.

mod sockets;

use std::collections::BTreeSet;
use std::net::IpAddr;

use rtspscope_wire::netfilter::{Entry, Tuple};

use super::netfilter::{self, Ends};
use super::{LiveHost, LiveOptions};

/// What the user is told things about.
const SUBJECT: &str = "connections";

/// Pairs of hosts that are followed from the start: at four taps half of what the kernel's table of them holds.
const MAX_PAIRS: usize = 1024;

/// Connections that are told apart.
const MAX_CONNECTIONS: usize = 4096;

/// The connections, and the hosts between which media of theirs may be under way.
#[derive(Debug, Default)]
pub(super) struct Standing {
    rtsp_ports: Vec<u16>,
    /// Two hosts as they are seen on one side of the NAT, the lower address first.
    pairs: BTreeSet<(IpAddr, IpAddr)>,
    /// Both ends of each connection, the lower first, on either side of the NAT.
    seen: BTreeSet<Ends>,
    count: usize,
    /// There are more than are told apart, or more pairs than there is room for.
    is_cut: bool,
}

impl Standing {
    /// Asks the router's table and the kernel. What a mirror port shows is another machine's. What cannot be asked lists
    /// nothing: that the table is out of reach is said by who listens to it.
    pub(super) fn read(options: &LiveOptions) -> Self {
        let mut standing = Self {
            rtsp_ports: options.rtsp_ports.clone(),
            ..Self::default()
        };
        if options.mirror.is_none() {
            let _unreachable = netfilter::read_table(|entry| standing.take_entry(entry));
            for ends in sockets::established() {
                standing.take_socket(ends);
            }
        }
        standing
    }

    /// Pairs of hosts between which media may be under way.
    #[cfg(feature = "ebpf")]
    pub(super) fn pairs(&self) -> impl Iterator<Item = (IpAddr, IpAddr)> {
        self.pairs.iter().copied()
    }

    /// Tells in a line how many there are, where there are any: what was agreed on in them is not seen.
    pub(super) fn tell(&self, host: &mut dyn LiveHost) {
        if self.count > 0 {
            host.note_unseen(SUBJECT, &self.told());
        }
    }

    fn told(&self) -> String {
        let more = if self.is_cut { "more than " } else { "" };
        let rest = if self.is_cut {
            "; that of the rest once they speak"
        } else {
            ""
        };
        format!(
            "to RTSP ports that were there before: {more}{}; UDP media between their hosts is counted from now on, and known \
             for theirs once they speak{rest}",
            self.count
        )
    }

    fn take_entry(&mut self, entry: &Entry) {
        let is_open = entry.original.protocol == Tuple::TCP && entry.established == Some(true);
        if is_open
            && [entry.original.to, entry.reply.from]
                .iter()
                .any(|end| self.is_rtsp(end.port()))
        {
            let ends = [entry.original, entry.reply].map(|tuple| (tuple.from, tuple.to));
            self.take(&ends);
        }
    }

    /// Which end of a socket is the server's is not told.
    fn take_socket(&mut self, ends: Ends) {
        if self.is_rtsp(ends.0.port()) || self.is_rtsp(ends.1.port()) {
            self.take(&[ends]);
        }
    }

    /// Takes in one connection, by its ends on each side of the NAT.
    fn take(&mut self, sides: &[Ends]) {
        let sides: Vec<Ends> = sides.iter().map(|(a, b)| (*a.min(b), *a.max(b))).collect();
        if self.count == MAX_CONNECTIONS {
            self.is_cut |= !sides.iter().any(|ends| self.seen.contains(ends));
            return;
        }
        let mut is_known = false;
        for ends in &sides {
            let pair = (ends.0.ip(), ends.1.ip());
            if self.pairs.len() < MAX_PAIRS || self.pairs.contains(&pair) {
                self.pairs.insert(pair);
            } else {
                self.is_cut = true;
            }
            is_known |= self.seen.contains(ends);
        }
        self.seen.extend(sides);
        self.count += usize::from(!is_known);
    }

    fn is_rtsp(&self, port: u16) -> bool {
        self.rtsp_ports.contains(&port)
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn standing() -> Standing {
        Standing {
            rtsp_ports: vec![554],
            ..Standing::default()
        }
    }

    fn ends(from: &str, to: &str) -> Ends {
        (from.parse().unwrap(), to.parse().unwrap())
    }

    /// A connection of the table, as it comes and as its answers come.
    fn entry(original: (&str, &str), reply: (&str, &str)) -> Entry {
        let tuple = |(from, to)| {
            let (from, to) = ends(from, to);
            Tuple {
                protocol: Tuple::TCP,
                from,
                to,
            }
        };
        Entry {
            original: tuple(original),
            reply: tuple(reply),
            zone: 0,
            id: None,
            status: None,
            established: Some(true),
            timeout_secs: None,
            helper: None,
            master: None,
            sequence_offsets: None,
            stopped_at: None,
        }
    }

    fn masqueraded(port: u16) -> Entry {
        let camera = format!("203.0.113.10:{port}");
        let (inside, outside) = ("192.168.1.100:40000", "203.0.113.1:40000");
        entry((inside, &camera), (&camera, outside))
    }

    fn pairs(standing: &Standing) -> Vec<[String; 2]> {
        let pairs = standing.pairs.iter();
        pairs.map(|(a, b)| [a.to_string(), b.to_string()]).collect()
    }

    #[test]
    fn a_connection_gives_its_hosts_on_both_sides_of_the_nat() {
        let mut standing = standing();
        standing.take_entry(&masqueraded(554));
        assert_eq!(
            pairs(&standing),
            [
                ["192.168.1.100", "203.0.113.10"],
                ["203.0.113.1", "203.0.113.10"]
            ]
        );
        assert_eq!(standing.count, 1);
        assert!(
            standing
                .told()
                .starts_with("to RTSP ports that were there before: 1; ")
        );
    }

    #[test]
    fn a_forwarded_port_counts_on_either_side() {
        let mut standing = standing();
        standing.take_entry(&entry(
            ("198.51.100.7:40000", "203.0.113.1:9554"),
            ("192.168.1.50:554", "198.51.100.7:40000"),
        ));
        assert_eq!(
            pairs(&standing),
            [
                ["192.168.1.50", "198.51.100.7"],
                ["198.51.100.7", "203.0.113.1"]
            ]
        );
    }

    #[test]
    fn what_is_closed_or_leads_elsewhere_is_left_out() {
        let mut standing = standing();
        standing.take_entry(&masqueraded(443));
        standing.take_entry(&Entry {
            established: Some(false),
            ..masqueraded(554)
        });
        // A client's own port says nothing.
        standing.take_entry(&entry(
            ("192.168.1.100:554", "203.0.113.10:443"),
            ("203.0.113.10:443", "203.0.113.1:554"),
        ));
        standing.take_socket(ends("192.168.1.1:40000", "192.168.1.50:80"));
        assert_eq!((standing.count, standing.pairs.len()), (0, 0));
    }

    #[test]
    fn a_socket_of_this_machine_that_the_table_lists_too_counts_once() {
        let mut standing = standing();
        standing.take_entry(&masqueraded(554));
        standing.take_socket(ends("203.0.113.1:40000", "203.0.113.10:554"));
        assert_eq!((standing.count, standing.pairs.len()), (1, 2));
        // Both ends of a connection through the loopback.
        standing.take_socket(ends("127.0.0.1:40001", "127.0.0.1:554"));
        standing.take_socket(ends("127.0.0.1:554", "127.0.0.1:40001"));
        assert_eq!((standing.count, standing.pairs.len()), (2, 3));
    }

    #[test]
    fn more_than_there_is_room_for_is_said() {
        let mut standing = standing();
        for number in 0..=MAX_PAIRS as u32 {
            let client = Ipv4Addr::from_bits(0x0a00_0000 + number);
            let client = format!("{client}:40000");
            standing.take_socket(ends(&client, "192.168.1.50:554"));
            assert_eq!(standing.is_cut, number == MAX_PAIRS as u32);
        }
        assert_eq!(standing.pairs.len(), MAX_PAIRS);
        assert!(
            standing.told().contains("before: more than 1025; "),
            "{}",
            standing.told()
        );
    }
}
