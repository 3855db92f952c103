//! `nat-no-pinhole`: media reached the outside of the NAT, and nothing had opened the way in.

use super::by_setup::{Told, helper_remedy};
use super::{View, advice};
use crate::facts::MediaFacts;
use crate::finding::{Code, Explanation, Finding, Severity};
use crate::model::Mapping;

pub(super) const EXPLANATION: Explanation = Explanation {
    meaning: "Plain NAT lets a datagram in only where one went out before (RFC 4787 §5). This client waited in silence at its \
        client_port, and no helper opened that port for it, so the router threw the media away. Where a host inside asks a camera inside at \
        the router's public address, the camera's media go to the router, which needs such an opening too.",
    proof: "RTP at the tap outside the NAT, none inside, and no datagram from the negotiated port of the client.",
    not_this: "A client that did send first, and whose packet left from another port, is nat-port-randomised. A camera behind a port \
        forward that knows the client by its own address sends outwards, which needs no opening.",
    remedies: &[
        advice::USE_TCP,
        "Or let the player send first from its media ports (GStreamer: rtspsrc nat-method=dummy; ffmpeg does so by itself)",
        advice::LOAD_HELPER,
        advice::USE_VPN,
    ],
};

/// Fires for a UDP medium that ended at the NAT while its client had sent nothing from the negotiated RTP port.
pub(super) fn check(view: &View<'_>) -> Vec<Finding> {
    let behind_nat = view
        .facts
        .media()
        .filter(|media| media.needs_opening() && media.opened(false).next().is_none());
    behind_nat
        .filter_map(|media| finding(view, media))
        .collect()
}

fn finding(view: &View<'_>, media: MediaFacts<'_>) -> Option<Finding> {
    let lost = media.lost_at_nat().filter(|_| media.opening_would_show())?;
    let sides = view.facts.sides()?;
    let port = media.negotiated_at(sides.client_index).client_rtp_port?;
    let to = lost
        .sender
        .rtp
        .to
        .map_or_else(|| "the router".to_owned(), |to| to.to_string());
    let around = sides
        .turns_around()
        .then_some([advice::ASK_INSIDE, advice::TURN_AROUND]);
    let netfilter = view.facts.netfilter();
    let entry = netfilter.and_then(|told| told.connection.as_ref());
    let told = Told::of_helper(view);
    let behind = Told::behind(told.as_ref());
    let finding = Finding::new(
            Code::NatNoPinhole,
            Severity::Error,
            view.medium(media.index),
            format!("the router had no way in for media to {to}"),
        )
        .cause(format!(
            "{} {} reached {to}; the client at {} had sent nothing from port {port}, and no ALG opened it{}{behind}",
            lost.sender.rtp.packets,
            media.media.unit(),
            sides.client.client.ip(),
            entry.map_or_else(String::new, |told| format!("; {}", helper_of(told)))
        ))
        .proof_if(media.setup_request(sides.client_index), format!("the client asks for media at port {port}"))
        .proof(
            lost.first,
            if around.is_some() { "RTP arrives at the router from the camera" } else { "RTP arrives outside the NAT" },
        )
        .proof_if(
            entry.map(|told| told.first),
            entry.map_or_else(String::new, helper_of),
        );
    let helper = helper_remedy(view);
    let usual = EXPLANATION.remedies.iter().copied();
    let usual = usual.map(|remedy| {
        if remedy == advice::LOAD_HELPER {
            helper.as_str()
        } else {
            remedy
        }
    });
    Some(Told::prove(told, finding).remedies(around.into_iter().flatten().chain(usual)))
}

/// Who reads the RTSP connection, by the router's own table.
fn helper_of(entry: &Mapping) -> String {
    entry.helper.as_ref().map_or_else(
        || "netfilter's own table: no helper is attached to this connection".to_owned(),
        |helper| {
            format!("netfilter's own table: helper {helper} is attached, and expects nothing there")
        },
    )
}

#[cfg(test)]
mod tests {
    use super::super::{advice, by_setup};
    use crate::model::Netfilter;
    use crate::router_setup::RouterSetup;
    use crate::testkit::{Scene, UDP_TALK, WAN, connection, read_at, with_helper};

    #[test]
    fn fires_at_the_second_of_two_routers_and_something_was_missing_there() {
        let scene = || Scene::behind_two_nats(UDP_TALK).rtp_at(WAN, 257);
        let codes = scene().troubles();
        assert_eq!(codes, ["rtp-never-arrived", "nat-no-pinhole"]);
        assert_eq!(scene().judged(), "none/missing");
    }

    #[test]
    fn says_that_no_helper_is_attached_where_the_table_was_listened_to() {
        let netfilter = Netfilter {
            connection: Some(connection(None)),
            ..Netfilter::default()
        };
        let scene = Scene {
            netfilter: Some(netfilter),
            ..Scene::behind_nat(UDP_TALK).rtp(0, 257)
        };
        let finding = scene.checked().findings.remove(1);
        assert_eq!(
            finding.evidence[2].note,
            "netfilter's own table: no helper is attached to this connection"
        );
    }

    /// End of the cause, last proof, and what is to be done about the helper, under a setup.
    fn under(setup: RouterSetup) -> (String, String, String) {
        let scene = Scene {
            setup: Some(setup),
            ..Scene::behind_nat(UDP_TALK).rtp(0, 257)
        };
        let mut findings = scene.checked().findings.into_iter();
        let finding = findings
            .find(|finding| finding.code.name() == "nat-no-pinhole")
            .unwrap();
        let (_, end) = finding.cause.split_once("no ALG opened it; ").unwrap();
        let last = finding.evidence.last().unwrap();
        assert_eq!(last.at, read_at());
        (end.to_owned(), last.note.clone(), finding.remedy[2].clone())
    }

    #[test]
    fn a_helper_that_is_loaded_and_not_assigned_is_to_be_assigned() {
        let told = "the router's setup: nf_conntrack_rtsp is loaded, and no rule assigns it: it does nothing";
        let expected = (told.to_owned(), told.to_owned(), by_setup::assign(554));
        assert_eq!(under(with_helper(&[])), expected);
        let told = "the router's setup: a rule of nftables assigns helper rtsp to port 8554 only, and not to 554 \
            (ip helpers prerouting: tcp dport … ct helper set \"cam\")";
        let expected = (told.to_owned(), told.to_owned(), by_setup::assign(554));
        assert_eq!(under(with_helper(&[8554])), expected);
    }

    #[test]
    fn a_helper_that_is_not_there_is_to_be_loaded() {
        let setup = RouterSetup {
            helpers: Some(Vec::new()),
            ..with_helper(&[])
        };
        let told = "the router's setup: no RTSP helper is loaded".to_owned();
        assert_eq!(
            under(setup),
            (told.clone(), told, advice::LOAD_HELPER.to_owned())
        );
    }

    #[test]
    fn fires_when_the_client_never_sends_first() {
        let snapshot = Scene::behind_nat(UDP_TALK).rtp(0, 257).checked();
        let names: Vec<&str> = snapshot
            .findings
            .iter()
            .map(|finding| finding.code.name())
            .collect();
        assert_eq!(names, ["rtp-never-arrived", "nat-no-pinhole"]);
        assert_eq!(
            snapshot.findings[1].cause,
            "257 RTP packets reached 203.0.113.1:5000; the client at 192.168.1.100 had sent nothing from port 5000, and no ALG opened it"
        );
    }

    #[test]
    fn is_silent_when_the_punch_left_from_another_port() {
        let scene = Scene::behind_nat(UDP_TALK).punch(0.035, 61234).rtp(0, 257);
        assert_eq!(
            scene.troubles(),
            ["rtp-never-arrived", "nat-port-randomised"]
        );
    }

    #[test]
    fn is_silent_for_a_camera_inside() {
        assert_eq!(
            Scene::camera_inside(UDP_TALK, UDP_TALK)
                .rtp(257, 0)
                .troubles(),
            ["rtp-never-arrived", "exposed-to-internet"]
        );
    }
}
