//! `nat-private-address-leaked`: a private address in a message that was seen on the public side.

use std::net::IpAddr;

use rtspscope_wire::rtsp::rtp_info;
use rtspscope_wire::{Spanned, sdp, url};

use super::{View, advice};
use crate::finding::{Code, Explanation, Finding, Severity};
use crate::locator::Locator;
use crate::model::{Exchange, Leg, Message, Side};
use crate::nat::address::privacy;
use crate::reading;

pub(super) const EXPLANATION: Explanation = Explanation {
    meaning: "A camera behind a port forward names itself by its private address in Content-Base, Transport, RTP-Info or SDP, and the \
        other end is not on its network. Most players go on over the same connection and nothing happens; one that opens a new \
        connection, sends to that address or checks it, fails.",
    proof: "A message at a tap where both ends have public addresses, with a private address in a field that a player may act on.",
    not_this: "An address in the o= line of SDP is a name and is not counted alone. c=0.0.0.0 is usual. On the private side such addresses \
        are right.",
    remedies: &[
        "Enter the public address or name in the camera, where it has such a setting (external address, NAT address)",
        advice::USE_TCP,
        advice::USE_VPN,
    ],
};

/// Fires once for a session; an error where the client then followed the address and failed.
pub(super) fn check(view: &View<'_>) -> Vec<Finding> {
    let public = |leg: &&Leg| {
        [leg.client.ip(), leg.server.ip()]
            .into_iter()
            .all(|ip| privacy(ip) == crate::nat::address::Privacy::Public)
    };
    let Some(leg) = view.session.legs.iter().find(public) else {
        return Vec::new();
    };
    let mut leaks: Vec<Leak> = leg.exchanges.iter().flat_map(leaks_of).collect();
    leaks.retain(|leak| leak.from == Side::Server || leak.field == "Transport.destination");
    let Some(first) = leaks.first() else {
        return Vec::new();
    };
    let failed = followed_in_vain(leg, first.ip);
    let severity = if failed.is_some() {
        Severity::Error
    } else {
        Severity::Warning
    };
    let mut fields: Vec<&str> = leaks.iter().map(|leak| leak.field.as_str()).collect();
    fields.dedup();
    let finding = Finding::new(
        Code::NatPrivateAddressLeaked,
        severity,
        view.subject(),
        format!(
            "the private address {} is told on the public side",
            first.ip
        ),
    )
    .cause(format!(
        "{} at {} in {}",
        first.ip,
        view.place(leg),
        fields.join(", ")
    ));
    let finding = leaks.iter().fold(finding, |finding, leak| {
        finding.proof(leak.at, format!("{} says {}", leak.field, leak.ip))
    });
    let finding = finding.proof_if(
        failed,
        "the client asks for that address and gets no success",
    );
    vec![finding.remedies(EXPLANATION.remedies.iter().copied())]
}

struct Leak {
    field: String,
    ip: IpAddr,
    at: Locator,
    from: Side,
}

fn leaks_of(exchange: &Exchange) -> Vec<Leak> {
    [&exchange.request, &exchange.response]
        .into_iter()
        .flatten()
        .flat_map(|message| leaks_in(message))
        .collect()
}

fn leaks_in(message: &Message) -> Vec<Leak> {
    let fields = reading::fields(message);
    let mut found: Vec<(String, Option<IpAddr>)> = Vec::new();
    for name in ["Content-Base", "Content-Location", "Location"] {
        found.extend(
            fields
                .header(name)
                .map(|field| (name.to_owned(), host(&field.value))),
        );
    }
    for entry in fields
        .header("RTP-Info")
        .map(|field| rtp_info::parse(field.value.clone()).value)
        .unwrap_or_default()
    {
        found.extend(entry.url.map(|url| ("RTP-Info.url".to_owned(), host(&url))));
    }
    for spec in reading::transports(&fields) {
        let named = [
            ("Transport.source", &spec.source),
            ("Transport.destination", &spec.destination),
        ];
        found.extend(named.into_iter().filter_map(|(name, value)| {
            Some((name.to_owned(), value.as_ref()?.text().parse().ok()))
        }));
    }
    let description = sdp::parse(fields.body).value;
    let connections = description.connection.iter().chain(
        description
            .media
            .iter()
            .filter_map(|media| media.connection.as_ref()),
    );
    found.extend(connections.filter_map(|line| {
        Some((
            "sdp.c.address".to_owned(),
            line.address.as_ref()?.text().parse().ok(),
        ))
    }));
    let is_private = |ip: &IpAddr| crate::nat::address::is_private(*ip);
    let leaks = found
        .into_iter()
        .filter_map(|(field, ip)| Some((field, ip.filter(is_private)?)));
    leaks
        .map(|(field, ip)| Leak {
            field,
            ip,
            at: message.at,
            from: message.from,
        })
        .collect()
}

fn host(value: &Spanned<'_>) -> Option<IpAddr> {
    url::split(value.clone())?.host.text().parse().ok()
}

/// A request for that address which was refused or never answered.
fn followed_in_vain(leg: &Leg, ip: IpAddr) -> Option<Locator> {
    let asked = leg.exchanges.iter().filter(|exchange| {
        exchange.by == Side::Client && !exchange.is("TEARDOWN") && !exchange.succeeded()
    });
    asked
        .filter(|exchange| exchange.status() != Some(401))
        .filter_map(|exchange| exchange.request.as_ref())
        .find_map(|request| {
            let named = host(reading::fields(request).uri()?)?;
            (named == ip).then_some(request.at)
        })
}

#[cfg(test)]
mod tests {
    use crate::finding::Severity;
    use crate::testkit::{Scene, UDP_TALK};

    fn leaking() -> String {
        UDP_TALK.replace(
            "Content-Type",
            "Content-Base: rtsp://192.168.1.100/a/ | Content-Type",
        )
    }

    #[test]
    fn warns_of_a_private_content_base_on_the_public_side() {
        let snapshot = Scene::camera_inside(&leaking(), &leaking())
            .rtp(9, 9)
            .checked();
        assert_eq!(
            snapshot.findings[0].code.name(),
            "nat-private-address-leaked"
        );
        assert_eq!(snapshot.findings[0].severity, Severity::Warning);
        assert_eq!(
            snapshot.findings[0].cause,
            "192.168.1.100 at wan in Content-Base"
        );
    }

    #[test]
    fn is_an_error_when_the_client_followed_it_in_vain() {
        let talk = leaking()
            .replace("SETUP rtsp://203.0.113.10", "SETUP rtsp://192.168.1.100")
            .replace("0.03 < RTSP/1.0 200 OK", "0.03 < RTSP/1.0 404 Not Found");
        let snapshot = Scene::camera_inside(&talk, &talk).checked();
        assert_eq!(
            (
                snapshot.findings[0].code.name(),
                snapshot.findings[0].severity
            ),
            ("nat-private-address-leaked", Severity::Error)
        );
    }

    #[test]
    fn is_silent_where_the_router_put_the_public_address_in() {
        let wan = leaking().replace("192.168.1.100", "203.0.113.1");
        assert_eq!(
            Scene::camera_inside(&wan, &leaking()).rtp(9, 9).codes(),
            ["exposed-to-internet", "alg-rewrote-message"]
        );
    }

    #[test]
    fn is_silent_for_a_clients_own_network() {
        assert_eq!(
            Scene::behind_nat(UDP_TALK)
                .punch(0.035, 5000)
                .rtp(9, 9)
                .codes(),
            Vec::<&str>::new()
        );
    }
}
