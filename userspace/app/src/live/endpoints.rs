//! Ends of media that sessions have agreed on, pushed to the kernel: it follows them whoever sends to them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use aya::Ebpf;
use aya::maps::{Array, HashMap, MapData, MapError};
use rtsp_ebpf_common::abi::{EndpointKey, EndpointValue, FlowKey, PortMarks, port_marks};
use rtspscope_engine::Session;
use rtspscope_engine::model::{Leg, MediaStream, Negotiated, SessionState};

use rtspscope_wire::Timestamp;

use super::error::LiveError;
use super::session::take_map;

/// The map of the marks of ports: a section of the kernel programs' data.
pub(super) const PORT_MARKS: &str = ".data.ports";

/// What is known of an end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct End {
    /// RTP clock in Hz, 0 where it is not known.
    clock_rate: u32,
    /// The last SETUP that named it as the client's own. A server may serve many clients from one port, and a group has many
    /// members: those ends are nobody's own.
    setup: Option<Setup>,
}

impl End {
    /// Whether its use is that of `before`. What was asked for and is granted now is the same, and media may have begun.
    fn continues(&self, before: &Self) -> bool {
        match (self.setup, before.setup) {
            (Some(now), Some(before)) => now.is(&before),
            (_, before) => before.is_none(),
        }
    }
}

/// A SETUP; the later one is the greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Setup {
    /// Begin of its connection at the tap.
    began: Timestamp,
    client: SocketAddr,
    server: SocketAddr,
    /// Its CSeq, else its place among all requests of the session, which grows where one turns out to have several connections.
    number: u32,
}

impl Setup {
    /// Whether this is the other one. Two taps see a connection begin one after the other; which session it is part of may
    /// be seen otherwise from look to look.
    fn is(&self, other: &Self) -> bool {
        (self.client, self.server, self.number) == (other.client, other.server, other.number)
    }
}

type Ends = BTreeMap<SocketAddr, End>;

/// Time for which packets may be late behind the end of their session.
const LINGER: Duration = Duration::from_secs(3);

/// What came of telling the kernel.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Update {
    /// Ends of which the counts are of another use: those that nobody uses any more, and those that a client has set up
    /// once more.
    pub(super) over: Vec<SocketAddr>,
    /// How many ends found no room that were not among those of the last time.
    pub(super) unfit: usize,
}

/// The maps of negotiated ends, and what is in them.
pub(super) struct Endpoints {
    ends: HashMap<MapData, EndpointKey, EndpointValue>,
    marks: Array<MapData, PortMarks>,
    rtsp_ports: Vec<u16>,
    pushed: Ends,
    /// Ends that nobody names any more, and since when: packets that were late may still come.
    gone: BTreeMap<SocketAddr, (End, Instant)>,
    /// Ends that found no room.
    unfit: BTreeSet<SocketAddr>,
}

impl Endpoints {
    /// Takes the maps, and marks the listed RTSP ports.
    pub(super) fn new(ebpf: &mut Ebpf, rtsp_ports: &[u16]) -> Result<Self, LiveError> {
        let mut endpoints = Self {
            ends: HashMap::try_from(take_map(ebpf, "ENDPOINTS")?)?,
            marks: Array::try_from(take_map(ebpf, PORT_MARKS)?)?,
            rtsp_ports: rtsp_ports.to_vec(),
            pushed: Ends::new(),
            gone: BTreeMap::new(),
            unfit: BTreeSet::new(),
        };
        endpoints.push_marks(&Ends::new())?;
        Ok(endpoints)
    }

    /// Makes the kernel follow what the sessions have agreed on by now, as far as it has room.
    pub(super) fn update(&mut self, sessions: &[Session]) -> Result<Update, MapError> {
        self.push(negotiated(sessions))
    }

    fn push(&mut self, mut wanted: Ends) -> Result<Update, MapError> {
        for address in self.pushed.keys().filter(|end| !wanted.contains_key(end)) {
            match self.ends.remove(&EndpointKey::new(*address)) {
                Ok(()) | Err(MapError::KeyNotFound) => {}
                Err(error) => return Err(error),
            }
        }
        let mut unfit = BTreeSet::new();
        for (address, end) in &wanted {
            let known = self.pushed.get(address);
            if known.map(|known| known.clock_rate) == Some(end.clock_rate) {
                continue;
            }
            let value = EndpointValue {
                clock_rate: end.clock_rate,
            };
            // A full table still takes other values for what is in it.
            let is_hopeless = known.is_none() && !unfit.is_empty();
            if is_hopeless || !self.fits(*address, value)? {
                unfit.insert(*address);
            }
        }
        wanted.retain(|address, _| !unfit.contains(address));
        self.push_marks(&wanted)?;
        let update = Update {
            over: self.over(&wanted, Instant::now()),
            unfit: unfit.difference(&self.unfit).count(),
        };
        (self.pushed, self.unfit) = (wanted, unfit);
        Ok(update)
    }

    /// Ends of which the counts are to be given up: those that another SETUP names, and those that nobody has named for long.
    fn over(&mut self, wanted: &Ends, now: Instant) -> Vec<SocketAddr> {
        let mut over = over(&self.pushed, wanted);
        for (address, end) in &self.pushed {
            if !wanted.contains_key(address) {
                self.gone.insert(*address, (*end, now));
            }
        }
        self.gone.retain(|address, (end, since)| {
            let again = wanted.get(address);
            let is_same = again.is_some_and(|again| again.setup.is_some() && again.continues(end));
            let is_late = now.duration_since(*since) >= LINGER;
            if (again.is_some() && !is_same) || is_late {
                over.push(*address);
            }
            again.is_none() && !is_late
        });
        over
    }

    /// Puts an end into the map; tells whether it had room.
    fn fits(&mut self, address: SocketAddr, value: EndpointValue) -> Result<bool, MapError> {
        match self.ends.insert(EndpointKey::new(address), value, 0) {
            Ok(()) => Ok(true),
            Err(MapError::SyscallError(error))
                if error.io_error.raw_os_error() == Some(libc::E2BIG) =>
            {
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    fn push_marks(&mut self, wanted: &Ends) -> Result<(), MapError> {
        let media_ports = wanted.keys().map(SocketAddr::port);
        let ports = self.rtsp_ports.iter().copied().chain(media_ports);
        self.marks.set(0, port_marks(ports), 0)
    }
}

/// Ends of which another SETUP is the last that named them.
fn over(before: &Ends, now: &Ends) -> Vec<SocketAddr> {
    let is_over = |(address, end): &(&SocketAddr, &End)| {
        let again = now.get(address);
        again.is_some_and(|again| !again.continues(end))
    };
    let over = before.iter().filter(is_over);
    over.map(|(address, _)| *address).collect()
}

/// Whether one end of a flow is among these.
pub(super) fn touches(flow: &FlowKey, ends: &[SocketAddr]) -> bool {
    ends.contains(&flow.from()) || ends.contains(&flow.to())
}

/// All ends of media of sessions that are not over.
fn negotiated(sessions: &[Session]) -> Ends {
    let mut ends = Ends::new();
    let is_open =
        |session: &&Session| !matches!(session.state, SessionState::Ended | SessionState::Failed);
    for session in sessions.iter().filter(is_open) {
        for media in &session.media {
            let legs = session.legs.iter().zip(&media.per_leg).zip(&media.setup);
            for ((leg, negotiated), setup) in legs {
                let setup = setup.map(|exchange| Setup {
                    began: leg.first.at,
                    client: leg.client,
                    server: leg.server,
                    number: number(leg, exchange),
                });
                collect(leg, media, negotiated, setup, &mut ends);
            }
        }
    }
    ends
}

/// The number of a SETUP that is an exchange of a leg.
fn number(leg: &Leg, exchange: usize) -> u32 {
    let setup = leg.exchanges.get(exchange);
    let cseq = setup.and_then(|setup| setup.cseq);
    cseq.unwrap_or(exchange as u32)
}

fn collect(
    leg: &Leg,
    media: &MediaStream,
    negotiated: &Negotiated,
    setup: Option<Setup>,
    ends: &mut Ends,
) {
    let rtp = End {
        clock_rate: media.clock_rate.unwrap_or(0),
        setup,
    };
    let rtcp = End {
        clock_rate: 0,
        ..rtp
    };
    let client = [leg.client.ip()]
        .into_iter()
        .chain(address(negotiated.destination.as_deref()));
    let client_ports = [
        (negotiated.client_rtp_port, rtp),
        (negotiated.client_rtcp_port, rtcp),
        (negotiated.answered_rtp_port, rtp),
        (negotiated.answered_rtcp_port, rtcp),
    ];
    for host in client {
        add(host, client_ports, ends);
    }
    let shared = |end| End { setup: None, ..end };
    let server = [leg.server.ip()]
        .into_iter()
        .chain(address(negotiated.source.as_deref()));
    let server_ports = [
        (negotiated.server_rtp_port, shared(rtp)),
        (negotiated.server_rtcp_port, shared(rtcp)),
    ];
    for host in server {
        add(host, server_ports, ends);
    }
    if let Some((group, rtp_port, rtcp_port)) = negotiated.multicast {
        let ports = [
            (Some(rtp_port), shared(rtp)),
            (Some(rtcp_port), shared(rtcp)),
        ];
        add(group, ports, ends);
    }
}

fn add(host: IpAddr, ports: impl IntoIterator<Item = (Option<u16>, End)>, ends: &mut Ends) {
    for (port, end) in ports {
        if let Some(port) = port.filter(|port| *port != 0) {
            let known = ends.entry(SocketAddr::new(host, port)).or_insert(end);
            known.clock_rate = known.clock_rate.max(end.clock_rate);
            known.setup = known.setup.max(end.setup);
        }
    }
}

/// The address that a `destination` or `source` names; a host name tells nothing here.
fn address(text: Option<&str>) -> Option<IpAddr> {
    text?
        .trim_matches(|char| char == '[' || char == ']')
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ends by port, and of the SETUP that named each the client's port and its place.
    fn ends(setups: &[(u16, Option<(u16, u32)>)]) -> Ends {
        let end = |port| SocketAddr::from(([192, 0, 2, 2], port));
        let ends = setups.iter().map(|(port, setup)| {
            let setup = setup.map(|(client, number)| Setup {
                began: Timestamp(i64::from(client)),
                client: end(client),
                server: end(554),
                number,
            });
            let known = End {
                clock_rate: 90_000,
                setup,
            };
            (end(*port), known)
        });
        ends.collect()
    }

    #[test]
    fn an_end_that_was_asked_for_and_is_granted_is_no_other_use() {
        let asked = ends(&[(5000, None)]);
        let granted = ends(&[(5000, Some((1, 2)))]);
        assert_eq!(over_ports(&asked, &granted), [0; 0]);
        assert_eq!(over_ports(&granted, &asked), [5000]);
    }

    #[test]
    fn another_tap_that_sees_the_setup_later_is_no_other_use() {
        let before = ends(&[(5000, Some((1, 2)))]);
        let mut now = before.clone();
        for end in now.values_mut() {
            end.setup = end.setup.map(|setup| Setup {
                began: Timestamp(99),
                ..setup
            });
        }
        assert_eq!(over_ports(&before, &now), [0; 0]);
    }

    fn over_ports(before: &Ends, now: &Ends) -> Vec<u16> {
        over(before, now).iter().map(SocketAddr::port).collect()
    }

    #[test]
    fn an_end_that_a_later_setup_names_is_another_use() {
        let before = ends(&[(5000, Some((1, 2))), (5002, Some((1, 3)))]);
        let again = ends(&[(5000, Some((2, 2))), (5002, Some((1, 3)))]);
        assert_eq!(over_ports(&before, &again), [5000]);
        let in_one_connection = ends(&[(5000, Some((1, 7))), (5002, Some((1, 3)))]);
        assert_eq!(over_ports(&before, &in_one_connection), [5000]);
    }

    #[test]
    fn an_end_that_nobody_names_any_more_is_over_after_a_while_or_when_it_is_named_again() {
        let Some((_ebpf, mut endpoints)) = endpoints(8) else {
            println!("an_end_that_nobody_names…: skipped, it needs root");
            return;
        };
        let begin = Instant::now();
        let mut over = |wanted: &Ends, secs| {
            let over = endpoints.over(wanted, begin + Duration::from_secs(secs));
            endpoints.pushed = wanted.clone();
            over.iter().map(SocketAddr::port).collect::<Vec<_>>()
        };
        let before = ends(&[(5000, Some((1, 2))), (5002, Some((1, 3))), (6000, None)]);
        assert_eq!(over(&before, 0), [0; 0]);
        assert_eq!(over(&Ends::new(), 1), [0; 0], "late packets may come");
        assert_eq!(over(&ends(&[(5000, Some((2, 2)))]), 2), [5000]);
        assert_eq!(over(&ends(&[(5000, Some((2, 2)))]), 4), [5002, 6000]);
        assert_eq!(over(&ends(&[(5000, Some((2, 2)))]), 9), [0; 0]);
    }

    /// The maps of the kernel programs, with room for so many ends; `None` without root.
    fn endpoints(room: u32) -> Option<(Ebpf, Endpoints)> {
        super::super::privilege::check().ok()?;
        let object = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/rtsp-ebpf"));
        let mut loader = aya::EbpfLoader::new();
        let mut ebpf = loader
            .map_max_entries("ENDPOINTS", room)
            .load(object)
            .unwrap();
        let endpoints = Endpoints::new(&mut ebpf, &[554]).unwrap();
        Some((ebpf, endpoints))
    }

    /// Ends at these ports.
    fn at(ports: impl Iterator<Item = u16>) -> Ends {
        ends(&ports.map(|port| (port, None)).collect::<Vec<_>>())
    }

    #[test]
    fn ends_that_find_no_room_are_counted_once_and_get_it_later() {
        let Some((_ebpf, mut endpoints)) = endpoints(8) else {
            println!("ends_that_find_no_room…: skipped, it needs root");
            return;
        };
        let kept = |endpoints: &Endpoints| endpoints.ends.keys().flatten().count();
        assert_eq!(endpoints.push(at(5000..5012)).unwrap().unfit, 4);
        assert_eq!(kept(&endpoints), 8);
        assert_eq!(
            endpoints.push(at(5000..5012)).unwrap(),
            Update::default(),
            "the same four"
        );
        assert_eq!(endpoints.push(at(5000..5013)).unwrap().unfit, 1);
        // Four go, and four of the five that waited come in.
        let update = endpoints.push(at(5004..5013)).unwrap();
        assert_eq!((update.over.len(), update.unfit), (0, 0));
        assert_eq!(kept(&endpoints), 8);
        endpoints.push(at(5005..5013)).unwrap();
        assert_eq!(kept(&endpoints), 8, "the last one has room now");
    }

    #[test]
    fn a_port_that_serves_many_clients_goes_on() {
        let before = ends(&[(6000, None)]);
        let more = ends(&[(5000, Some((2, 2))), (6000, None)]);
        assert_eq!(over_ports(&before, &more), [0; 0]);
    }
}
