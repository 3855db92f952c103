//! What the session description announces.

use std::net::IpAddr;

use rtspscope_wire::rtsp::message::MessageSlice;
use rtspscope_wire::sdp::{self, Connection, SdpMedia};
use rtspscope_wire::url;

use super::setups::SetUp;
use crate::model::{Exchange, Leg, MediaStream, Message, Repair, Side};
use crate::reading;

/// A multicast group as a description has it: the address of `c=` and the port of `m=` (RFC 8866 §5.7, §5.14).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DescribedGroup {
    pub(crate) address: IpAddr,
    /// `None` where the description leaves it to SETUP.
    pub(crate) port: Option<u16>,
}

/// The groups that the last description of these exchanges names.
pub(crate) fn described_groups(exchanges: &[Exchange]) -> Vec<DescribedGroup> {
    let announced = exchanges.iter().rev().find_map(from_exchange);
    let announced = announced.into_iter().flatten();
    announced.filter_map(|described| described.group).collect()
}

/// One m= line with the URL to which its control attribute is relative.
#[derive(Clone, Debug, Default)]
pub(super) struct Announced {
    base: String,
    control: Option<String>,
    pub(super) stream: MediaStream,
    /// The group to which it goes where it is multicast.
    pub(super) group: Option<DescribedGroup>,
    /// A SETUP asked for it.
    pub(super) taken: bool,
}

/// The place of the medium for which a SETUP of `uri` asks, and no SETUP did before.
pub(super) fn set_up_by(uri: &str, announced: &[Announced]) -> Option<usize> {
    place_of(uri, announced, |medium| !medium.taken)
}

/// Whether `uri` is the control URI of one of these.
pub(super) fn is_named(uri: &str, announced: &[Announced]) -> bool {
    place_of(uri, announced, |_| true).is_some()
}

/// The place of the one that `uri` controls: by its URL, else as the only one by its path.
fn place_of(
    uri: &str,
    announced: &[Announced],
    may_be: impl Fn(&Announced) -> bool,
) -> Option<usize> {
    let by = |is_its: fn(&str, &str, &str) -> bool| {
        let all = announced.iter().enumerate();
        let may_be = &may_be;
        all.filter(move |(_, medium)| {
            let control = medium.control.as_deref().filter(|_| may_be(medium));
            control.is_some_and(|control| is_its(uri, &medium.base, control))
        })
        .map(|(place, _)| place)
    };
    by(url::is_control_uri).next().or_else(|| {
        let mut by_path = by(url::is_control_path);
        by_path.next().filter(|_| by_path.next().is_none())
    })
}

impl Announced {
    pub(super) fn take(&mut self) -> (MediaStream, Option<DescribedGroup>) {
        self.taken = true;
        (self.stream.clone(), self.group)
    }
}

/// The media of the last description that a leg shows; the leg next to the client is asked first.
pub(super) fn announced(legs: &[&Leg]) -> Vec<Announced> {
    legs.iter()
        .find_map(|leg| leg.exchanges.iter().rev().find_map(from_exchange))
        .unwrap_or_default()
}

/// What an earlier description says of a stream that the last need not describe, since the client turned to another: the last
/// before its SETUP that names it, at the first leg that shows one.
pub(super) fn earlier(
    legs: &[&Leg],
    setup: &SetUp,
) -> Option<(MediaStream, Option<DescribedGroup>)> {
    legs.iter().zip(&setup.at).find_map(|(leg, at)| {
        let before = leg.exchanges.get(..(*at)?)?;
        before.iter().rev().find_map(|exchange| {
            let mut described = from_exchange(exchange)?;
            let own = set_up_by(&setup.uri, &described)?;
            described.get_mut(own).map(Announced::take)
        })
    })
}

fn from_exchange(exchange: &Exchange) -> Option<Vec<Announced>> {
    let (carrier, request) = match exchange.method.as_str() {
        "DESCRIBE" if exchange.succeeded() => {
            (exchange.response.as_deref()?, exchange.request.as_deref())
        }
        "ANNOUNCE" if exchange.by == Side::Client => {
            (exchange.request.as_deref()?, exchange.request.as_deref())
        }
        _ => return None,
    };
    let message = reading::fields(carrier);
    let description = sdp::parse(message.body).value;
    if description.media.is_empty() {
        return None;
    }
    let base = base(&message, request);
    Some(
        description
            .media
            .iter()
            .map(|media| read(media, description.connection.as_ref(), &base))
            .collect(),
    )
}

/// Content-Base, else Content-Location, else the request URL (RFC 2326 App. C.1.1).
fn base(message: &MessageSlice<'_>, request: Option<&Message>) -> String {
    let header = |name| {
        message
            .header(name)
            .map(|field| field.value.text().into_owned())
    };
    let asked = || Some(reading::fields(request?).uri()?.text().into_owned());
    header("Content-Base")
        .or_else(|| header("Content-Location"))
        .or_else(asked)
        .unwrap_or_default()
}

fn read(media: &SdpMedia<'_>, of_session: Option<&Connection<'_>>, base: &str) -> Announced {
    let control = media
        .control
        .as_ref()
        .map(|control| control.text().into_owned());
    let proto = media.proto.text().into_owned();
    let stream = MediaStream {
        control: control.clone(),
        kind: Some(media.kind.text().into_owned()),
        encoding: media.encoding.as_deref().map(str::to_owned),
        clock_rate: media.clock_rate,
        payload_type: media.payload_type,
        repair: Repair {
            payload_types: media.repair_payload_types(),
            sources: media.repair_sources(),
        },
        sdp_direction: media.direction,
        sdp_parameter_sets: media.has_parameter_sets(),
        profile: (!proto.is_empty()).then_some(proto),
        ..MediaStream::default()
    };
    Announced {
        base: base.to_owned(),
        control,
        stream,
        group: group(media, of_session),
        taken: false,
    }
}

/// The group of the medium's own connection line, else of the session's.
fn group(media: &SdpMedia<'_>, of_session: Option<&Connection<'_>>) -> Option<DescribedGroup> {
    let connection = media.connection.as_ref().or(of_session)?;
    let address: IpAddr = connection.address.as_ref()?.text().parse().ok()?;
    address.is_multicast().then_some(DescribedGroup {
        address,
        port: media.port.filter(|port| *port != 0),
    })
}
