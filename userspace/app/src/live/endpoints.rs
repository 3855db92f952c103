//! Ends of media that sessions have agreed on, pushed to the kernel: it follows them whoever sends to them.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use aya::Ebpf;
use aya::maps::{Array, HashMap, MapData, MapError};
use rtsp_ebpf_common::abi::{EndpointKey, EndpointValue, FlowKey};
use rtspscope_engine::model::{Leg, MediaStream, Negotiated, SessionState};
use rtspscope_engine::{Session, Snapshot};

use super::error::LiveError;

/// Ends with their RTP clock in Hz, 0 where it is not known.
type Rates = BTreeMap<SocketAddr, u32>;

/// The maps of negotiated ends, and what is in them.
pub(super) struct Endpoints {
    ends: HashMap<MapData, EndpointKey, EndpointValue>,
    ports: Array<MapData, u64>,
    pushed: Rates,
}

impl Endpoints {
    /// Takes the maps.
    pub(super) fn new(ebpf: &mut Ebpf) -> Result<Self, LiveError> {
        Ok(Self {
            ends: HashMap::try_from(super::take_map(ebpf, "ENDPOINTS")?)?,
            ports: Array::try_from(super::take_map(ebpf, "MEDIA_PORTS")?)?,
            pushed: Rates::new(),
        })
    }

    /// Makes the kernel follow what the sessions have agreed on by now. Returns the ends that nobody uses any more.
    pub(super) fn update(&mut self, snapshot: &Snapshot) -> Result<Vec<SocketAddr>, MapError> {
        let wanted = negotiated(snapshot);
        for (end, rate) in &wanted {
            if self.pushed.get(end) != Some(rate) {
                self.ends.insert(
                    EndpointKey::new(*end),
                    EndpointValue { clock_rate: *rate },
                    0,
                )?;
            }
        }
        let gone: Vec<SocketAddr> = self
            .pushed
            .keys()
            .filter(|end| !wanted.contains_key(end))
            .copied()
            .collect();
        for end in &gone {
            match self.ends.remove(&EndpointKey::new(*end)) {
                Ok(()) | Err(MapError::KeyNotFound) => {}
                Err(error) => return Err(error),
            }
        }
        self.push_ports(&wanted)?;
        self.pushed = wanted;
        Ok(gone)
    }

    fn push_ports(&mut self, wanted: &Rates) -> Result<(), MapError> {
        let bits = |rates: &Rates| {
            let mut words = BTreeMap::<u32, u64>::new();
            for port in rates.keys().map(SocketAddr::port) {
                *words.entry(u32::from(port >> 6)).or_default() |= 1 << (port & 63);
            }
            words
        };
        let (old, new) = (bits(&self.pushed), bits(wanted));
        for index in old.keys().filter(|index| !new.contains_key(index)) {
            self.ports.set(*index, 0, 0)?;
        }
        for (index, word) in new
            .iter()
            .filter(|(index, word)| old.get(index) != Some(word))
        {
            self.ports.set(*index, *word, 0)?;
        }
        Ok(())
    }
}

/// Whether one end of a flow is among these.
pub(super) fn touches(flow: &FlowKey, ends: &[SocketAddr]) -> bool {
    ends.contains(&flow.from()) || ends.contains(&flow.to())
}

/// All ends of media of sessions that are not over.
fn negotiated(snapshot: &Snapshot) -> Rates {
    let mut rates = Rates::new();
    let is_open =
        |session: &&Session| !matches!(session.state, SessionState::Ended | SessionState::Failed);
    for session in snapshot.sessions.iter().filter(is_open) {
        for media in &session.media {
            for (leg, negotiated) in session.legs.iter().zip(&media.per_leg) {
                collect(leg, media, negotiated, &mut rates);
            }
        }
    }
    rates
}

fn collect(leg: &Leg, media: &MediaStream, negotiated: &Negotiated, rates: &mut Rates) {
    let clock = media.clock_rate.unwrap_or(0);
    let client = [leg.client.ip()]
        .into_iter()
        .chain(address(negotiated.destination.as_deref()));
    let client_ports = [
        (negotiated.client_rtp_port, clock),
        (negotiated.client_rtcp_port, 0),
        (negotiated.answered_rtp_port, clock),
        (negotiated.answered_rtcp_port, 0),
    ];
    for host in client {
        add(host, client_ports, rates);
    }
    let server = [leg.server.ip()]
        .into_iter()
        .chain(address(negotiated.source.as_deref()));
    for host in server {
        add(
            host,
            [
                (negotiated.server_rtp_port, clock),
                (negotiated.server_rtcp_port, 0),
            ],
            rates,
        );
    }
    if let Some((group, rtp, rtcp)) = negotiated.multicast {
        add(group, [(Some(rtp), clock), (Some(rtcp), 0)], rates);
    }
}

fn add(host: IpAddr, ports: impl IntoIterator<Item = (Option<u16>, u32)>, rates: &mut Rates) {
    for (port, rate) in ports {
        if let Some(port) = port.filter(|port| *port != 0) {
            let known = rates.entry(SocketAddr::new(host, port)).or_insert(rate);
            *known = (*known).max(rate);
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
