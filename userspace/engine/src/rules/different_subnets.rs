//! `different-subnets`: camera and viewer are in different private networks, so a router is in the path.

use super::View;
use crate::finding::{Code, Explanation, Finding, Severity};
use crate::nat::address::are_apart;

pub(super) const EXPLANATION: Explanation = Explanation {
    meaning: "Camera and viewer are both at home, but in different networks (a guest network, a VLAN, a second router). A router with its firewall \
        stands between them. RTSP over TCP passes many firewalls that drop the media over UDP, and cameras are not found by multicast there.",
    proof: "Client and server both have private addresses, of networks that no usual home mask joins.",
    not_this: "Addresses that share their first three numbers are taken for one network. Where NAT translates the client's address, the other \
        findings tell more.",
    remedies: &[
        NOTHING,
        "Else put both in one network, or let the firewall pass UDP from the camera's network to the viewer, or use TCP",
    ],
};

const NOTHING: &str = "Nothing needs to be done as long as the picture comes";
const ONE_NETWORK: &str = "Else put both in one network, or let the firewall pass the connection";

/// Fires for a session between two private networks without translation.
pub(super) fn check(view: &View<'_>) -> Vec<Finding> {
    let translated = view
        .session
        .legs
        .windows(2)
        .any(|legs| matches!(legs, [a, b] if a.client.ip() != b.client.ip() || a.server.ip() != b.server.ip()));
    let Some(leg) = view.session.legs.first().filter(|_| !translated) else {
        return Vec::new();
    };
    if !are_apart(leg.client.ip(), leg.server.ip()) {
        return Vec::new();
    }
    vec![
        Finding::new(
            Code::DifferentSubnets,
            Severity::Info,
            view.subject(),
            format!("{} and {} are in different networks", leg.client.ip(), leg.server.ip()),
        )
        .cause("both addresses are private and of different networks, so a router with its firewall is in the path")
        .proof(leg.first, "first packet of the connection with both addresses")
        .remedies(if view.facts.goes_over_tcp() {
            &[NOTHING, ONE_NETWORK][..]
        } else {
            EXPLANATION.remedies
        }.iter().copied()),
    ]
}

#[cfg(test)]
mod tests {
    use crate::testkit::{LAN, Scene, UDP_TALK, leg};

    fn between(client: &str, server: &str) -> Vec<&'static str> {
        let scene = Scene::of(vec![leg(LAN, client, server, UDP_TALK)]);
        let codes = scene.codes();
        codes
            .into_iter()
            .filter(|code| *code == "different-subnets")
            .collect()
    }

    #[test]
    fn fires_between_two_private_networks() {
        assert_eq!(
            between("192.168.1.20:40000", "192.168.7.64:554"),
            ["different-subnets"]
        );
        assert_eq!(
            between("[fd00:0:0:1::2]:40000", "[fd00:0:0:2::3]:554"),
            ["different-subnets"]
        );
    }

    #[test]
    fn is_silent_within_one_network_and_towards_the_internet() {
        assert_eq!(
            between("192.168.1.20:40000", "192.168.1.64:554"),
            Vec::<&str>::new()
        );
        assert_eq!(
            between("192.168.1.20:40000", "203.0.113.9:554"),
            Vec::<&str>::new()
        );
    }

    #[test]
    fn is_silent_where_nat_shows_the_router_anyway() {
        let codes = Scene::behind_nat(UDP_TALK).codes();
        assert!(!codes.contains(&"different-subnets"));
    }
}
