//! Clients inside that ask a camera inside at the router's public address: what they send turns around in the router and
//! goes back to where it came from.

use crate::case::{Case, cases};

/// Leads what comes from inside for the RTSP port of the public address to the camera.
const FORWARD: &[&str] = &[
    "nft",
    "add rule ip nat prerouting iifname lan0 ip daddr 203.0.113.1 tcp dport 554 dnat to 192.168.1.100",
];

/// The same for the camera's media ports.
const FORWARD_MEDIA: &[&str] = &[
    "nft",
    "add rule ip nat prerouting iifname lan0 ip daddr 203.0.113.1 udp dport 6970-6971 dnat to 192.168.1.100",
];

/// Makes the camera answer to the router.
const TURN_AROUND: &[&str] = &[
    "nft",
    "add rule ip nat postrouting ip saddr 192.168.1.0/24 ip daddr 192.168.1.100 oifname lan0 masquerade",
];

cases! {
    a_hairpin: Case {
        hairpin: true,
        router: &[FORWARD, FORWARD_MEDIA, TURN_AROUND],
        ..Case::PLAIN
    } => [], [];

    a_hairpin_with_media_in_the_connection: Case {
        hairpin: true,
        router: &[FORWARD, TURN_AROUND],
        clients: &[&["--transport", "RTP/AVP/TCP;unicast;interleaved=0-1"]],
        ..Case::PLAIN
    } => [], [];

    /// The camera sees the client's own address and answers it directly; the client never spoke to that address.
    a_hairpin_whose_answers_go_around_the_router: Case {
        hairpin: true,
        router: &[FORWARD, FORWARD_MEDIA],
        clients: &[&["--patience-ms", "5000"]],
        ..Case::PLAIN
    } => ["connection-refused"], [];

    /// The camera's media go to the router itself, which knows nobody who waits for them.
    a_hairpin_of_the_rtsp_port_alone: Case {
        hairpin: true,
        router: &[FORWARD, TURN_AROUND],
        clients: &[&[]],
        ..Case::PLAIN
    } => ["nat-no-pinhole", "rtp-never-arrived"], [];
}
