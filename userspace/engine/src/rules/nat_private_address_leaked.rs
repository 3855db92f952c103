//! `nat-private-address-leaked`: a private address in a message that was seen on the public side.

use std::net::IpAddr;

use rtspscope_wire::rtsp::rtp_info;
use rtspscope_wire::{Span, Spanned, sdp, url};

use super::{View, advice};
use crate::finding::{Code, Explanation, Finding, Severity};
use crate::locator::Locator;
use crate::model::{Exchange, Leg, Message, Side};
use crate::nat::address::{Privacy, are_neighbours, privacy};
use crate::reading;

pub(super) const EXPLANATION: Explanation = Explanation {
    meaning: "A camera behind a port forward names itself by its private address in Content-Base, Transport, RTP-Info or SDP, and the \
        other end is not on its network. Most players go on over the same connection and nothing happens; one that opens a new \
        connection, sends to that address or checks it, fails.",
    proof: "A message at a tap where both ends have public addresses, with a private address in a field that a player may act on; or on the \
        outer side of a NAT, whatever its addresses, with the inner one that this NAT translates. An error \
        where somebody acted on it in vain: the client asks for that address and gets no success, its next connection to it is never \
        answered, or the server sends media there and none comes to the client.",
    not_this: "An address in the o= line of SDP is a name and is not counted alone. c=0.0.0.0 is usual. On the private side such addresses \
        are right.",
    remedies: &[
        "Enter the public address or name in the camera, where it has such a setting (external address, NAT address)",
        advice::USE_TCP,
        advice::USE_VPN,
    ],
};

/// After so long without an answer a host asks again (RFC 6298 §2).
const PATIENCE: Span = Span::from_secs(1);

/// Fires once for a session; an error where an end then followed the address and failed.
pub(super) fn check(view: &View<'_>) -> Vec<Finding> {
    let Some((leg, leaks)) = on_the_public_side(view).or_else(|| behind_the_nat(view)) else {
        return Vec::new();
    };
    let Some(first) = leaks.first() else {
        return Vec::new();
    };
    let failed = leaks.iter().find_map(|leak| followed(view, leg, leak));
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
        "{} at {} in {}{}",
        first.ip,
        view.place(leg),
        fields.join(", "),
        failed
            .as_ref()
            .map_or_else(String::new, |(_, how)| format!("; {how}"))
    ));
    let finding = leaks.iter().fold(finding, |finding, leak| {
        finding.proof(leak.at, format!("{} says {}", leak.field, leak.ip))
    });
    let (at, how) = failed.unzip();
    let finding = finding.proof_if(at, how.unwrap_or_default());
    vec![finding.remedies(EXPLANATION.remedies.iter().copied())]
}

/// What leaks at the first leg whose ends both have public addresses.
fn on_the_public_side<'a>(view: &View<'a>) -> Option<(&'a Leg, Vec<Leak>)> {
    let is_public = |ip| privacy(ip) == Privacy::Public;
    let mut legs = view.session.legs.iter();
    let leg = legs.find(|leg| is_public(leg.client.ip()) && is_public(leg.server.ip()))?;
    Some((leg, leaks_at(leg)))
}

/// What leaks of the inner addresses that a NAT translates, where the network on its outer side is a private one as well: that
/// of another router, or a provider's. A client that asks at a public address from inside knows the camera's network.
fn behind_the_nat<'a>(view: &View<'a>) -> Option<(&'a Leg, Vec<Leak>)> {
    let nat = view.session.nat.as_ref()?;
    let legs = &view.session.legs;
    let (inner, outer) = (legs.get(nat.pre)?, legs.get(nat.post)?);
    let [client, server] = [outer.client.ip(), outer.server.ip()];
    let is_inner = |ip: IpAddr| {
        let is_servers = ip == inner.server.ip() && privacy(server) != Privacy::Public;
        let is_clients = ip == inner.client.ip();
        (is_servers || is_clients) && ![client, server].contains(&ip) && !are_neighbours(ip, client)
    };
    let mut leaks = leaks_at(outer);
    leaks.retain(|leak| is_inner(leak.ip));
    (!leaks.is_empty()).then_some((outer, leaks))
}

fn leaks_at(leg: &Leg) -> Vec<Leak> {
    let mut leaks: Vec<Leak> = leg.exchanges.iter().flat_map(leaks_of).collect();
    leaks.retain(|leak| leak.from == Side::Server || leak.field == "Transport.destination");
    leaks
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

/// Where an end acted on a leaked address and failed, and how.
fn followed(view: &View<'_>, leg: &Leg, leak: &Leak) -> Option<(Locator, String)> {
    let asked = followed_in_vain(view, leg, leak.ip).map(|at| {
        let how = "the client asks for that address and gets no success";
        (at, how.to_owned())
    });
    let called = || {
        let how = format!(
            "the client's next connection goes to {}, where nobody answers",
            leak.ip
        );
        Some((called_in_vain(view, leg, leak)?, how))
    };
    let sent = || {
        let how = format!(
            "the server sends media to {}, and none comes to the client",
            leak.ip
        );
        Some((sent_in_vain(view, leg, leak)?, how))
    };
    asked.or_else(called).or_else(sent)
}

/// A later connection of the client to that address, which nobody took, where no media came without it.
fn called_in_vain(view: &View<'_>, leg: &Leg, leak: &Leak) -> Option<Locator> {
    let mut nearest = view.facts.media().filter_map(|media| media.arrival(0));
    let plays = nearest.any(|arrival| arrival.rtp.packets > 0);
    let tells_the_client = leak.from == Side::Server && !plays;
    let legs = view.others().flat_map(|session| &session.legs);
    let mut calls = legs.filter(|other| {
        (other.tap, other.client.ip(), other.server.ip()) == (leg.tap, leg.client.ip(), leak.ip)
            && other.first.at >= leak.at.at
    });
    let call = calls.find(|call| {
        let was_left = call.closed.is_some() || call.last.at - call.first.at >= PATIENCE;
        call.client_isn.is_some() && call.server_isn.is_none() && was_left
    })?;
    tells_the_client.then_some(call.first)
}

/// Media to that address at this leg, of which nothing is known to have come out at the client.
fn sent_in_vain(view: &View<'_>, leg: &Leg, leak: &Leak) -> Option<Locator> {
    let index = view
        .session
        .legs
        .iter()
        .position(|own| std::ptr::eq(own, leg))?;
    let mut media = view.facts.media().filter(|media| media.is_udp());
    media.find_map(|media| {
        let rtp = &media.arrival(index)?.rtp;
        let came_out = media
            .at_client()
            .is_some_and(|inside| inside.rtp.packets > 0);
        let goes_there = rtp.to.is_some_and(|to| to.ip() == leak.ip);
        rtp.first.filter(|_| goes_there && !came_out)
    })
}

/// A request for that address which was refused or never answered.
fn followed_in_vain(view: &View<'_>, leg: &Leg, ip: IpAddr) -> Option<Locator> {
    let is_over = |exchange: &Exchange| {
        let mut asked = exchange.request.iter();
        let capture = view.facts.capture;
        exchange.response.is_some()
            || asked.any(|request| capture.is_over_after(leg, request.at.at))
    };
    let asked = leg.exchanges.iter().filter(|exchange| {
        exchange.by == Side::Client
            && !exchange.is("TEARDOWN")
            && !exchange.succeeded()
            && is_over(exchange)
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
    use crate::testkit::{LAN, Scene, UDP_TALK, WAN, addr, at, leg};

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
    fn warns_behind_a_second_nat_of_the_address_that_the_first_translates() {
        // Next to the client the answer comes later: that tells the sides where both have private addresses.
        let outer_talk = leaking().replace("0.01 <", "0.015 <");
        let warns = |outside: &str, inside: &str| {
            let client = format!("{outside}.10:40000");
            let legs = [
                leg(LAN, &client, &format!("{inside}:554"), &leaking()),
                leg(WAN, &client, &format!("{outside}.1:554"), &outer_talk),
            ];
            let codes = Scene::of(legs.into()).rtp(9, 9).codes();
            codes.contains(&"nat-private-address-leaked")
        };
        for outside in ["172.16.5", "100.64.5", "203.0.113"] {
            assert!(warns(outside, "192.168.1.100"), "{outside}");
        }
        assert!(!warns("172.16.5", "192.168.1.101"), "another address");
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
    fn is_no_error_while_the_answer_may_still_come() {
        let talk = leaking().replace("SETUP rtsp://203.0.113.10", "SETUP rtsp://192.168.1.100");
        let (asked, _) = talk.split_once("0.03 <").unwrap();
        let severity = |watched_until: f64| {
            let mut scene = Scene::camera_inside(asked, asked);
            for leg in &mut scene.legs {
                leg.last = leg.exchanges.last().unwrap().request.as_ref().unwrap().at;
                leg.closed = None;
            }
            scene.watched_until = [watched_until; 2];
            let findings = scene.checked().findings;
            let mut leaked = findings
                .iter()
                .filter(|finding| finding.code.name() == "nat-private-address-leaked");
            leaked.next().map(|finding| finding.severity)
        };
        assert_eq!(severity(1.0), Some(Severity::Warning));
        assert_eq!(severity(3.0), Some(Severity::Error));
    }

    /// The client's next connection, to the camera's own address, `secs` after its first packet the last one.
    fn next_connection(server_isn: Option<u32>, secs: f64, rtp: u64) -> Vec<Severity> {
        let mut leg = leg(WAN, "203.0.113.10:40001", "192.168.1.100:554", "");
        (leg.first, leg.last) = (at(WAN, 1.0, 50), at(WAN, 1.0 + secs, 60));
        (leg.server_isn, leg.closed) = (server_isn, None);
        let scenes = vec![
            Scene::camera_inside(&leaking(), &leaking()).rtp(rtp, rtp),
            Scene::of(vec![leg]),
        ];
        let findings = Scene::together(scenes).findings;
        let leaked = findings
            .iter()
            .filter(|finding| finding.code.name() == "nat-private-address-leaked");
        leaked.map(|finding| finding.severity).collect()
    }

    #[test]
    fn is_an_error_when_the_clients_next_connection_goes_there_and_nobody_answers() {
        assert_eq!(next_connection(None, 3.0, 0), [Severity::Error]);
        assert_eq!(next_connection(None, 0.5, 0), [Severity::Warning]);
        assert_eq!(next_connection(Some(2000), 3.0, 0), [Severity::Warning]);
        assert_eq!(next_connection(None, 3.0, 9), [Severity::Warning]);
    }

    /// A client inside names itself by its own address, and the server sends there.
    fn sent_to_private(inside: u64) -> (Severity, String) {
        let talk = UDP_TALK.replace(
            "client_port=5000-5001",
            "client_port=5000-5001;destination=192.168.1.100",
        );
        let mut scene = Scene::behind_nat(&talk).rtp(inside, 9);
        scene.arrival(WAN).rtp.to = Some(addr("192.168.1.100:5000"));
        let findings = scene.checked().findings;
        let leaked = findings
            .into_iter()
            .find(|finding| finding.code.name() == "nat-private-address-leaked")
            .unwrap();
        (leaked.severity, leaked.cause)
    }

    #[test]
    fn is_an_error_when_the_server_sends_there_and_nothing_comes_out() {
        let (severity, cause) = sent_to_private(0);
        assert_eq!(severity, Severity::Error);
        assert_eq!(
            cause,
            "192.168.1.100 at wan in Transport.destination; the server sends media to 192.168.1.100, and none comes to the client"
        );
        assert_eq!(sent_to_private(9).0, Severity::Warning);
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
