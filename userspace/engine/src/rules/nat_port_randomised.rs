//! `nat-port-randomised`: the client opened the way, but from another port than the one it had told the server.

use super::{View, advice};
use crate::facts::MediaFacts;
use crate::finding::{Code, Explanation, Finding, Severity};
use crate::model::ClientDatagrams;

pub(super) const EXPLANATION: Explanation = Explanation {
    meaning: "The client sent a packet from its media port to open the way, and the NAT gave that packet another port on the outside \
        (symmetric NAT, carrier NAT, masquerade with fully-random, or the port was taken). The server sends to the port that the \
        client had named, and there is no opening there.",
    proof: "The client's packet inside from the negotiated port, the same packet outside from another port, RTP outside to the \
        negotiated port, and none inside, or none at the client: it went to whoever had opened that port.",
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
        .collect()
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
    use crate::testkit::{Scene, UDP_TALK, WAN};

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
