//! `nat-port-randomised`: the client opened the way, but from another port than the one it had told the server.

use super::{View, advice};
use crate::facts::MediaFacts;
use crate::finding::{Code, Explanation, Finding, Severity};
use crate::model::ClientDatagrams;
use crate::nat::address::{Privacy, privacy};

pub(super) const EXPLANATION: Explanation = Explanation {
    meaning: "The client sent a packet from its media port to open the way, and the NAT gave that packet another port on the outside \
        (symmetric NAT, carrier NAT, masquerade with fully-random, or the port was taken). The server sends to the port that the \
        client had named, and there is no opening there.",
    proof: "The client's packet inside from the negotiated port, the same packet outside from another port, RTP outside to the \
        negotiated port, and none inside, or none at the client: it went to whoever had opened that port. Of a client with a public \
        address that is seen only beyond its own router, a hint: its packets from another port than the one that it named, RTP to the \
        one that it named, and no receiver reports by which it gets more and more.",
    not_this: "A client that sent nothing is nat-no-pinhole. A server that answers to where the packet came from plays in spite of it, \
        and nothing is said.",
    remedies: &[
        advice::USE_TCP,
        "Or let the NAT keep ports: masquerade without random or fully-random, a static port rule on pfSense and OPNsense",
        advice::LOAD_HELPER,
        advice::USE_VPN,
    ],
};

/// Fires for a UDP medium that ended at the NAT while the client's opening packet left from an unexpected port.
pub(super) fn check(view: &View<'_>) -> Vec<Finding> {
    view.facts
        .media()
        .filter(|media| media.needs_opening())
        .filter_map(|media| finding(view, media))
        .chain(view.facts.media().filter_map(|media| beyond(view, media)))
        .collect()
}

/// The same of a NAT between the client and the tap nearest to it, of which only the client's side of the world knows.
fn beyond(view: &View<'_>, media: MediaFacts<'_>) -> Option<Finding> {
    let (leg, arrival) = (view.session.legs.first()?, media.arrival(0)?);
    let may_be_translated = leg.client.is_ipv4() && privacy(leg.client.ip()) != Privacy::Private;
    let agreed = media.negotiated_at(0);
    let told = agreed.client_rtp_port?;
    let (from, to, first) = (arrival.rtp.from?, arrival.rtp.to?, arrival.rtp.first?);
    let gets_it = arrival.rtcp.far_end.receiving.is_some();
    if !media.is_udp() || !may_be_translated || gets_it || to.port() != told {
        return None;
    }
    let sent = || {
        let all = arrival.from_client.iter();
        all.filter(|sent| sent.from.ip() == leg.client.ip())
    };
    let outside = sent().find(|sent| sent.to.port() == from.port())?;
    let named = [Some(told), told.checked_add(1), agreed.client_rtcp_port];
    let is_kept = sent().any(|sent| named.contains(&Some(sent.from.port())));
    if to.ip() != leg.client.ip() || is_kept {
        return None;
    }
    Some(
        Finding::new(
            Code::NatPortRandomised,
            Severity::Info,
            view.medium(media.index),
            format!("the client opened port {}, media goes to port {told}", outside.from.port()),
        )
        .cause(format!(
            "the client's packets come to {} from {}, though it named port {told}: a NAT between the two changes its ports, and the \
             server sends to the port that was named; whether an ALG of that NAT named and opened it is not in this capture",
            view.place(leg),
            outside.from
        ))
        .proof_if(media.setup_request(0), format!("the client asks for media at port {told}"))
        .proof(outside.first, format!("its packet comes from port {}", outside.from.port()))
        .proof(first, format!("the server sends RTP to port {told}"))
        .remedies([advice::USE_TCP, advice::USE_VPN]),
    )
}

fn finding(view: &View<'_>, media: MediaFacts<'_>) -> Option<Finding> {
    let sides = view.facts.sides()?;
    // Where the client's tap began late, its RTP port may have been opened before.
    let lost = media.lost_between().filter(|lost| lost.late.is_none());
    let lost = lost.map(|lost| lost.sender);
    let elsewhere = media.misdelivered();
    let at_server = lost.or_else(|| elsewhere.and_then(|_| media.at_server()))?;
    let what_is_there = elsewhere.map_or_else(
        || "which nothing opened".to_owned(),
        |elsewhere| format!("and what comes there goes to {}", elsewhere.to),
    );
    let inside = media.opened(false).next()?;
    let told = media.negotiated_at(sides.server_index).client_rtp_port?;
    let outside = left_from(&at_server.from_client, inside, told)?;
    if at_server.rtp.to.is_some_and(|to| to.port() != told) {
        return None;
    }
    let mapping = media
        .mapping()
        .filter(|mapping| mapping.source_translated() == Some((inside.from, outside.from)));
    Some(
        Finding::new(
            Code::NatPortRandomised,
            Severity::Error,
            view.medium(media.index),
            format!("the client opened port {}, media comes to port {told}", outside.from.port()),
        )
        .cause(format!(
            "the client's packet left from {} and became {} at the NAT; the server sends to port {told}, {what_is_there}",
            inside.from, outside.from
        ))
        .proof(inside.first, format!("the client sends from its negotiated port {}", inside.from.port()))
        .proof(outside.first, format!("outside it comes from port {}", outside.from.port()))
        .proof_if(
            mapping.map(|mapping| mapping.first),
            format!("netfilter's own table: {} leaves as {}", inside.from, outside.from),
        )
        .proof_if(at_server.rtp.first, format!("the server sends RTP to port {told}"))
        .remedies(EXPLANATION.remedies.iter().copied()),
    )
}

/// The client's packets as they left the NAT, if they left from neither the client's own port nor the one told.
fn left_from<'a>(
    outside: &'a [ClientDatagrams],
    inside: &ClientDatagrams,
    told: u16,
) -> Option<&'a ClientDatagrams> {
    let same_target = || {
        outside
            .iter()
            .filter(|sent| sent.to.port() == inside.to.port())
    };
    if same_target().any(|sent| sent.from.port() == inside.from.port() || sent.from.port() == told)
    {
        return None;
    }
    same_target().next()
}

#[cfg(test)]
mod tests {
    use crate::finding::Severity;
    use crate::model::{ClientDatagrams, DatagramKinds, Growth};
    use crate::testkit::{Scene, UDP_TALK, WAN, addr, at};

    #[test]
    fn fires_when_the_punch_left_from_another_port() {
        let snapshot = Scene::behind_nat(UDP_TALK)
            .punch(0.035, 61234)
            .rtp(0, 321)
            .checked();
        assert_eq!(
            snapshot.findings[1].cause,
            "the client's packet left from 192.168.1.100:5000 and became 203.0.113.1:61234 at the NAT; the server sends to port 5000, which nothing opened"
        );
    }

    #[test]
    fn is_silent_when_the_server_answers_to_the_random_port() {
        assert_eq!(
            Scene::behind_nat(UDP_TALK)
                .punch(0.035, 61234)
                .rtp(321, 321)
                .troubles(),
            Vec::<&str>::new()
        );
    }

    #[test]
    fn is_silent_when_what_the_server_sends_to_the_random_port_is_lost() {
        let mut scene = Scene::behind_nat(UDP_TALK).punch(0.035, 61234).rtp(0, 321);
        scene.arrival(WAN).rtp.to = Some("203.0.113.1:61234".parse().unwrap());
        assert_eq!(scene.troubles(), ["rtp-never-arrived"]);
    }

    /// A camera at home, and a client somewhere whose packets come to the WAN side from this port.
    fn from_afar(port: u16) -> Scene {
        let mut scene = Scene::camera_inside(UDP_TALK, UDP_TALK).rtp(321, 321);
        let place = at(WAN, 0.035, 15);
        let from = addr(&format!("203.0.113.10:{port}"));
        scene.arrival(WAN).from_client = vec![ClientDatagrams {
            from,
            to: addr("203.0.113.1:6970"),
            packets: 1,
            kinds: DatagramKinds::default(),
            first: place,
            last: place,
            rtcp_port: false,
        }];
        scene
    }

    /// Severity and cause of the findings of this code.
    fn own(scene: Scene) -> Vec<(Severity, String)> {
        let findings = scene.checked().findings.into_iter();
        let own = findings.filter(|finding| finding.code.name() == "nat-port-randomised");
        own.map(|finding| (finding.severity, finding.cause))
            .collect()
    }

    #[test]
    fn hints_at_a_nat_beyond_the_tap_that_is_nearest_to_the_client() {
        let [(severity, cause)] = &own(from_afar(61234))[..] else {
            panic!("one finding")
        };
        assert_eq!(*severity, Severity::Info);
        assert_eq!(
            cause,
            "the client's packets come to wan from 203.0.113.10:61234, though it named port 5000: a NAT between the two changes its \
             ports, and the server sends to the port that was named; whether an ALG of that NAT named and opened it is not in this capture"
        );
        assert_eq!(own(from_afar(5000)), []);
        assert_eq!(own(from_afar(5001)), [], "its RTCP port");
    }

    #[test]
    fn is_silent_where_the_client_reports_that_it_gets_more() {
        let mut scene = from_afar(61234);
        scene.arrival(WAN).rtcp.far_end.receiving = Some(Growth {
            since: at(WAN, 5.0, 80),
            shown: at(WAN, 9.0, 120),
            more: 100,
        });
        assert_eq!(own(scene), []);
    }

    #[test]
    fn is_silent_where_the_server_sends_to_where_the_client_is() {
        let mut scene = from_afar(61234);
        scene.arrival(WAN).rtp.to = Some(addr("203.0.113.10:61234"));
        assert_eq!(own(scene), []);
    }

    #[test]
    fn is_silent_when_the_nat_kept_the_port() {
        assert_eq!(
            Scene::behind_nat(UDP_TALK)
                .punch(0.035, 5000)
                .rtp(0, 321)
                .troubles(),
            ["rtp-never-arrived"]
        );
    }

    #[test]
    fn is_silent_when_the_client_sent_nothing() {
        assert_eq!(
            Scene::behind_nat(UDP_TALK).rtp(0, 321).troubles(),
            ["rtp-never-arrived", "nat-no-pinhole"]
        );
    }
}
