//! Which connections are followed: those of RTSP ports, and all between the hosts of connections that speak RTSP.

use std::collections::BTreeSet;
use std::net::IpAddr;

use rtspscope_wire::netfilter::{Change, Entry, Event, Subject, Tuple};

use super::Ends;

/// Pairs of hosts that are followed, and connections that are known to be told; the first ones count.
const MAX_PAIRS: usize = 4_096;
const MAX_TOLD: usize = 16_384;

/// What is followed.
#[derive(Debug, Default)]
pub(super) struct Followed {
    rtsp_ports: Vec<u16>,
    /// Two hosts, the lower address first.
    pairs: BTreeSet<(IpAddr, IpAddr)>,
    /// TCP connections of which something was told, client first, as they come and as they leave.
    told: BTreeSet<Ends>,
    /// Those of them of which the beginning was told, client first as they come.
    begun: BTreeSet<Ends>,
    /// The last answer had one of which it was not.
    silent: bool,
}

impl Followed {
    pub(super) fn new(rtsp_ports: &[u16]) -> Self {
        Self {
            rtsp_ports: rtsp_ports.to_vec(),
            ..Self::default()
        }
    }

    /// Follows all between two hosts; tells whether that is new.
    pub(super) fn add(
        &mut self,
        client: std::net::SocketAddr,
        server: std::net::SocketAddr,
    ) -> bool {
        self.pairs.len() < MAX_PAIRS && self.pairs.insert(pair(client.ip(), server.ip()))
    }

    /// Whether something was told of a connection that is seen with these ends.
    pub(super) fn was_told(&self, ends: Ends) -> bool {
        self.told.contains(&ends)
    }

    /// Whether an event is of a followed connection; remembers connections of which it is.
    pub(super) fn takes(&mut self, event: &Event) -> bool {
        match &event.subject {
            Subject::Entry(entry) => {
                let takes = self.follows(entry.original) || self.follows(entry.reply);
                if takes && entry.original.protocol == Tuple::TCP {
                    self.remember(event.change, entry);
                }
                takes
            }
            Subject::Expectation(expectation) => self.follows(expectation.master),
        }
    }

    fn remember(&mut self, change: Change, entry: &Entry) {
        let inside = (entry.original.from, entry.original.to);
        if self.told.len() < MAX_TOLD {
            self.told.insert(inside);
            self.told.insert((entry.reply.to, entry.reply.from));
        }
        match change {
            Change::New if self.begun.len() < MAX_TOLD => {
                self.begun.insert(inside);
            }
            Change::Present => self.silent |= !self.begun.contains(&inside),
            Change::New | Change::Updated | Change::Destroyed => {}
        }
    }

    /// Whether there is a connection that nothing more will be told of.
    pub(super) fn has_silent(&self) -> bool {
        self.silent
    }

    /// The next answer tells anew.
    pub(super) fn forget_silent(&mut self) {
        self.silent = false;
    }

    fn follows(&self, tuple: Tuple) -> bool {
        let is_rtsp = |port| self.rtsp_ports.contains(&port);
        match tuple.protocol {
            Tuple::TCP if is_rtsp(tuple.from.port()) || is_rtsp(tuple.to.port()) => true,
            Tuple::TCP | Tuple::UDP => self.pairs.contains(&pair(tuple.from.ip(), tuple.to.ip())),
            _ => false,
        }
    }
}

fn pair(a: IpAddr, b: IpAddr) -> (IpAddr, IpAddr) {
    (a.min(b), a.max(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(protocol: u8, from: &str, to: &str, outside: &str) -> Event {
        let tuple = |from: &str, to: &str| Tuple {
            protocol,
            from: from.parse().unwrap(),
            to: to.parse().unwrap(),
        };
        Event {
            change: Change::New,
            subject: Subject::Entry(Box::new(Entry {
                original: tuple(from, to),
                reply: tuple(to, outside),
                zone: 0,
                id: None,
                status: None,
                established: None,
                timeout_secs: None,
                helper: None,
                master: None,
                sequence_offsets: None,
                stopped_at: None,
            })),
        }
    }

    fn media() -> Event {
        entry(
            Tuple::UDP,
            "192.168.1.100:5000",
            "203.0.113.10:6970",
            "203.0.113.1:61000",
        )
    }

    #[test]
    fn connections_of_rtsp_ports_are_followed_from_the_start() {
        let mut followed = Followed::new(&[554]);
        let rtsp = |port: u16| {
            let to = format!("203.0.113.10:{port}");
            entry(Tuple::TCP, "192.168.1.100:40000", &to, "203.0.113.1:40000")
        };
        assert!(followed.takes(&rtsp(554)));
        assert!(!followed.takes(&rtsp(80)));
        let seen = |client: &str| (client.parse().unwrap(), "203.0.113.10:554".parse().unwrap());
        assert!(followed.was_told(seen("192.168.1.100:40000")));
        assert!(followed.was_told(seen("203.0.113.1:40000")));
        assert!(!followed.was_told(seen("192.168.1.100:40001")));
    }

    #[test]
    fn flows_between_hosts_that_speak_rtsp_are_followed_whichever_side_shows_them() {
        for client in ["192.168.1.100:40000", "203.0.113.1:40000"] {
            let mut followed = Followed::new(&[554]);
            assert!(!followed.takes(&media()));
            assert!(followed.add(
                client.parse().unwrap(),
                "203.0.113.10:8554".parse().unwrap()
            ));
            assert!(followed.takes(&media()), "{client}");
        }
    }

    #[test]
    fn a_connection_that_began_before_is_silent_until_it_is_gone() {
        let mut followed = Followed::new(&[554]);
        let began = entry(
            Tuple::TCP,
            "192.168.1.100:40000",
            "203.0.113.10:554",
            "203.0.113.1:40000",
        );
        let present = Event {
            change: Change::Present,
            ..began.clone()
        };
        followed.takes(&present);
        assert!(followed.has_silent());
        followed.forget_silent();
        followed.takes(&began);
        followed.takes(&present);
        assert!(!followed.has_silent());
    }

    #[test]
    fn flows_to_other_hosts_are_not_followed() {
        let mut followed = Followed::new(&[554]);
        followed.add(
            "192.168.1.100:40000".parse().unwrap(),
            "198.51.100.7:554".parse().unwrap(),
        );
        assert!(!followed.takes(&media()));
    }
}
