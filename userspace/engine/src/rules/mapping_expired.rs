//! `mapping-expired`: the NAT's UDP mapping ended while media went on.

use super::rtp_stalled::stall;
use super::{View, advice};
use crate::facts::MediaFacts;
use crate::finding::{Code, Explanation, Finding, Severity};

pub(super) const EXPLANATION: Explanation = Explanation {
    meaning: "Media came through the NAT for a while and then stopped there, although the server went on. A NAT forgets a UDP mapping \
        after some time without packets from inside (30 to 180 seconds are usual, RFC 4787 §4.3), or when an ICMP error comes by.",
    proof: "RTP through the NAT to a client behind it, then RTP outside only, for ten seconds or more.",
    not_this: "Media that ends on both sides at once was ended by the server: rtp-stalled alone. Media that never came through is \
        nat-no-pinhole or nat-port-randomised.",
    remedies: &[
        advice::USE_TCP,
        "Let the player send on its media ports while it plays: receiver reports, or a packet every 15 seconds",
        "Raise the router's UDP timeout (Linux: net.netfilter.nf_conntrack_udp_timeout_stream)",
    ],
};

/// Fires for a UDP medium behind a NAT that went on outside after it had ended inside.
pub(super) fn check(view: &View<'_>) -> Vec<Finding> {
    let behind_nat = view.facts.media().filter(|media| media.needs_opening());
    behind_nat
        .filter_map(|media| finding(view, media))
        .collect()
}

fn finding(view: &View<'_>, media: MediaFacts<'_>) -> Option<Finding> {
    let stall = stall(view, media)?;
    let (last_outside, later) = stall.ended_in_the_router()?;
    let sent = media
        .opened(false)
        .map(|sent| sent.last)
        .max_by_key(|sent| sent.at);
    let idle = sent.map_or_else(
        || "the client had sent nothing from its media port".to_owned(),
        |sent| {
            format!(
                "the client had last sent from its media port {:.1} s before",
                (stall.last.at - sent.at).as_secs_f64()
            )
        },
    );
    let torn = media
        .at_client()
        .and_then(|arrival| arrival.refused.last())
        .map(|refusal| refusal.at);
    Some(
        Finding::new(
            Code::MappingExpired,
            Severity::Error,
            view.medium(media.index),
            format!(
                "the NAT stopped letting media in; outside it went on for {:.1} s",
                later.as_secs_f64()
            ),
        )
        .cause(format!("RTP ended inside while it went on outside; {idle}"))
        .proof(stall.last, "last RTP packet inside")
        .proof(last_outside, "last RTP packet outside")
        .proof_if(sent, "last packet of the client from its media port")
        .proof_if(
            torn.filter(|torn| torn.at <= stall.last.at),
            "an ICMP error of the client's host, which may end a mapping",
        )
        .remedies(EXPLANATION.remedies.iter().copied()),
    )
}

#[cfg(test)]
mod tests {
    use crate::testkit::{LAN, Scene, UDP_TALK, WAN, at};

    fn stopped(inside: f64, outside: f64) -> Scene {
        let talk = UDP_TALK
            .replace("10.0 >", "60.0 >")
            .replace("10.1 <", "60.1 <");
        let mut scene = Scene::behind_nat(&talk).punch(0.035, 5000).rtp(900, 900);
        scene.arrival(LAN).rtp.last = Some(at(LAN, inside, 200));
        scene.arrival(WAN).rtp.last = Some(at(WAN, outside, 300));
        scene
    }

    #[test]
    fn fires_when_media_went_on_outside_only() {
        let snapshot = stopped(30.0, 59.9).checked();
        let finding = &snapshot.findings[1];
        assert_eq!(finding.code.name(), "mapping-expired");
        assert_eq!(
            finding.cause,
            "RTP ended inside while it went on outside; the client had last sent from its media port 30.0 s before"
        );
    }

    #[test]
    fn is_silent_when_media_ended_on_both_sides() {
        assert!(!stopped(30.0, 30.0).troubles().contains(&"mapping-expired"));
    }
}
