//! What one SETUP exchange agrees on (RFC 2326 §12.39, RFC 7826 §18.54).

use std::net::IpAddr;

use rtspscope_wire::Spanned;
use rtspscope_wire::rtsp::message::MessageSlice;
use rtspscope_wire::rtsp::transport::{self, Cast, HostPort, Lower, PortPair, TransportSpec};

use super::describe::DescribedGroup;
use crate::model::{Exchange, Negotiated};
use crate::reading;

/// Reads ports, channels and addresses out of a SETUP request and its response. `described` is the group that the medium
/// has by its description, which counts where multicast is agreed on without a destination (RFC 2326 §12.39).
pub(crate) fn negotiated(exchange: &Exchange, described: Option<DescribedGroup>) -> Negotiated {
    let request = exchange.request.as_deref().map(reading::fields);
    let response = exchange
        .response
        .as_deref()
        .filter(|_| exchange.succeeded())
        .map(reading::fields);
    let offers = request.as_ref().map(transports).unwrap_or_default();
    let answers = response.as_ref().map(transports).unwrap_or_default();
    let answer = answers.first();
    let offer = chosen(&offers, answer);
    let mut agreed = Negotiated::default();
    if let Some(offer) = offer {
        (agreed.client_rtp_port, agreed.client_rtcp_port) =
            ports(offer.client_port.as_ref(), &offer.dest_addr);
    }
    if let Some(answer) = answer {
        (agreed.answered_rtp_port, agreed.answered_rtcp_port) =
            ports(answer.client_port.as_ref(), &answer.dest_addr);
        (agreed.server_rtp_port, agreed.server_rtcp_port) =
            ports(answer.server_port.as_ref(), &answer.src_addr);
        agreed.source = answer
            .source
            .as_ref()
            .or_else(|| host(&answer.src_addr))
            .map(text);
        agreed.ssrc = answer.ssrc;
    }
    agreed.channels = answer.and_then(channels).or_else(|| {
        offer
            .filter(|_| answer.is_none_or(is_tcp))
            .and_then(channels)
    });
    agreed.destination = answer
        .and_then(destination)
        .or_else(|| offer.and_then(destination));
    let taken = answer.or(offer);
    agreed.multicast = taken.and_then(multicast);
    if let Some((group, spec)) = described.zip(taken)
        && agreed.multicast.is_none()
        && spec.cast == Some(Cast::Multicast)
        && agreed.destination.is_none()
    {
        agreed.multicast = with_ports(group.address, spec, group.port);
        agreed.destination = agreed.multicast.map(|(address, _, _)| address.to_string());
    }
    agreed
}

/// The profile that was agreed on, else asked for.
pub(super) fn profile(exchange: &Exchange) -> Option<String> {
    let messages = [exchange.response.as_deref(), exchange.request.as_deref()];
    messages.into_iter().flatten().find_map(|message| {
        let fields = reading::fields(message);
        let profile = transports(&fields).first()?.profile.text().into_owned();
        (!profile.is_empty()).then_some(profile)
    })
}

/// All alternatives of the first Transport header.
fn transports<'a>(message: &MessageSlice<'a>) -> Vec<TransportSpec<'a>> {
    message.header("Transport").map_or_else(Vec::new, |field| {
        transport::parse(field.value.clone()).value
    })
}

/// The alternative that the server took: the first one with its lower transport, else the first.
fn chosen<'s, 'a>(
    offers: &'s [TransportSpec<'a>],
    answer: Option<&TransportSpec<'_>>,
) -> Option<&'s TransportSpec<'a>> {
    let taken = answer.and_then(|answer| {
        let fits = |offer: &&TransportSpec<'_>| {
            offer.lower == answer.lower && cast_of(offer) == cast_of(answer)
        };
        offers
            .iter()
            .find(fits)
            .or_else(|| offers.iter().find(|offer| offer.lower == answer.lower))
    });
    taken.or(offers.first())
}

/// `multicast` only where it is said: most clients leave `unicast` out (RFC 2326 has it the other way).
fn cast_of(spec: &TransportSpec<'_>) -> Cast {
    spec.cast.unwrap_or(Cast::Unicast)
}

fn is_tcp(spec: &TransportSpec<'_>) -> bool {
    spec.lower == Lower::Tcp
}

fn ports(pair: Option<&PortPair<'_>>, addresses: &[HostPort<'_>]) -> (Option<u16>, Option<u16>) {
    if let Some(pair) = pair {
        return (Some(pair.rtp), pair.rtcp);
    }
    let port = |index: usize| addresses.get(index).and_then(|address| address.port);
    (port(0), port(1))
}

fn channels(spec: &TransportSpec<'_>) -> Option<(u8, u8)> {
    let channels = spec.interleaved.as_ref()?;
    Some((
        channels.rtp,
        channels.rtcp.unwrap_or(channels.rtp.wrapping_add(1)),
    ))
}

fn destination(spec: &TransportSpec<'_>) -> Option<String> {
    spec.destination
        .as_ref()
        .or_else(|| host(&spec.dest_addr))
        .map(text)
}

fn multicast(spec: &TransportSpec<'_>) -> Option<(IpAddr, u16, u16)> {
    let group: IpAddr = destination(spec)?.parse().ok()?;
    if spec.cast != Some(Cast::Multicast) && !group.is_multicast() {
        return None;
    }
    with_ports(group, spec, None)
}

/// A group with the ports that SETUP names for it, else the described one and the next.
fn with_ports(
    group: IpAddr,
    spec: &TransportSpec<'_>,
    described: Option<u16>,
) -> Option<(IpAddr, u16, u16)> {
    let pair = spec.port.as_ref().or(spec.client_port.as_ref());
    let (rtp, rtcp) = ports(pair, &spec.dest_addr);
    let rtp = rtp.or(described)?;
    Some((group, rtp, rtcp.unwrap_or(rtp.wrapping_add(1))))
}

fn host<'s, 'a>(addresses: &'s [HostPort<'a>]) -> Option<&'s Spanned<'a>> {
    addresses.first()?.host.as_ref()
}

fn text(value: &Spanned<'_>) -> String {
    value.text().into_owned()
}
