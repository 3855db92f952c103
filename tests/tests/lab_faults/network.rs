//! Faults of the router's translation, firewall and links.

use rtspscope_tests::lab::Nat;

use crate::case::{Case, PUNCHES, cases};

/// A client that sends to its server.
const RECORDS: &[&str] = &[
    "--record",
    "--packets",
    "60",
    "--transport",
    "RTP/AVP;unicast;client_port=5000-5001;mode=record",
];

cases! {
    /// The camera pauses for longer than the router remembers; a stall is one after ten seconds.
    a_mapping_that_expires: Case {
        router: &[&[
            "sysctl",
            "-qw",
            "net.netfilter.nf_conntrack_udp_timeout=4",
            "net.netfilter.nf_conntrack_udp_timeout_stream=4",
        ]],
        camera: Some(&["--pause-ms", "1000-7000"]),
        clients: &[&["--punch", "--packets", "10000", "--patience-ms", "13000"]],
        ..Case::PLAIN
    } => ["mapping-expired", "rtp-stalled"], [];

    a_hole_for_large_packets: Case {
        router: &[&[
            "nft",
            "insert rule ip filter forward iifname wan0 meta l4proto udp meta length > 1300 drop",
        ]],
        camera: Some(&["--sizes", "200-1380"]),
        clients: &[&["--punch", "--packets", "40"]],
        ..Case::PLAIN
    } => ["large-packets-lost"], ["rtp-loss"];

    a_firewall_that_drops_rtcp: Case {
        router: &[&[
            "nft",
            "insert rule ip filter forward iifname wan0 udp sport 6971 drop",
        ]],
        clients: &[&["--punch", "--packets", "60"]],
        ..Case::PLAIN
    } => [], ["rtcp-never-arrived"];

    a_firewall_that_drops_the_connection: Case {
        router: &[&[
            "nft",
            "insert rule ip filter forward iifname lan0 tcp dport 554 drop",
        ]],
        clients: &[&["--patience-ms", "5000"]],
        ..Case::PLAIN
    } => ["connection-refused"], [];

    /// After so much of the client's the router answers in the camera's name.
    a_firewall_that_resets_the_connection: Case {
        router: &[&[
            "nft",
            "insert rule ip filter forward iifname lan0 tcp dport 554 quota over 3000 bytes reject with tcp reset",
        ]],
        clients: &[&["--transport", "RTP/AVP/TCP;unicast;interleaved=0-1", "--packets", "400"]],
        ..Case::PLAIN
    } => ["connection-closed"], [];

    /// After so much of the camera's the router lets nothing of it through.
    a_firewall_that_drops_the_cameras_segments: Case {
        router: &[&[
            "nft",
            "insert rule ip filter forward iifname wan0 tcp sport 554 quota over 20000 bytes drop",
        ]],
        clients: &[&["--transport", "RTP/AVP/TCP;unicast;interleaved=0-1", "--packets", "400", "--patience-ms", "8000"]],
        ..Case::PLAIN
    } => ["rtp-stalled"], [];

    a_host_that_refuses_the_media: Case {
        client_host: &[
            &["nft", "add table ip host"],
            &["nft", "add chain ip host input { type filter hook input priority 0; }"],
            &["nft", "add rule ip host input udp dport 5000 reject"],
        ],
        clients: &[&["--punch", "--patience-ms", "5000"]],
        ..Case::PLAIN
    } => ["media-refused"], [];

    /// After the first packets its host refuses the rest, as where a player closes its ports and ends the session a while later.
    a_player_that_closes_its_ports_and_lingers: Case {
        client_host: &[
            &["nft", "add table ip host"],
            &["nft", "add chain ip host input { type filter hook input priority 0; }"],
            &["nft", "add rule ip host input udp dport 5000 quota over 10000 bytes reject"],
        ],
        clients: &[&["--punch", "--packets", "10000", "--patience-ms", "3500"]],
        ..Case::PLAIN
    } => [], [];

    a_client_that_waits_in_silence: Case {
        clients: &[&[]],
        ..Case::PLAIN
    } => ["nat-no-pinhole", "rtp-never-arrived"], [];

    a_router_that_randomises_ports: Case {
        nat: Nat::FullyRandom,
        ..Case::PLAIN
    } => ["nat-port-randomised", "rtp-never-arrived"], [];

    /// What died at the router stays known, and is no more than a warning where the player has its picture in the end.
    a_switch_to_tcp_where_nothing_came: Case {
        nat: Nat::FullyRandom,
        clients: &[&["--punch", "--then", "RTP/AVP/TCP;unicast;interleaved=0-1"]],
        ..Case::PLAIN
    } => [], ["nat-port-randomised", "rtp-never-arrived"];

    /// The same camera plays to one client and not to the other, which waits at ports that no earlier packet opened.
    a_client_that_punches_and_one_that_does_not: Case {
        clients: &[PUNCHES, &["--agent", "other-client", "--port", "7000", "--transport", "RTP/AVP;unicast;client_port=7000-7001"]],
        ..Case::PLAIN
    } => ["nat-no-pinhole", "rtp-never-arrived"], ["client-dependent"];

    a_router_that_drops_fragments: Case {
        router: &[&[
            "nft",
            "table ip early { chain before { type filter hook prerouting priority -450; ip frag-off & 0x1fff != 0 drop
 }
 }",
        ]],
        camera: Some(&["--sizes", "200-2400"]),
        clients: &[&["--punch", "--packets", "40"]],
        ..Case::PLAIN
    } => ["large-packets-lost"], ["rtp-loss"];

    /// Two of the three segments of the description are too large.
    a_hole_for_large_segments: Case {
        router: &[&[
            "nft",
            "insert rule ip filter forward iifname wan0 meta l4proto tcp meta length > 1300 drop",
        ]],
        camera: Some(&["--padding", "3000"]),
        clients: &[&["--patience-ms", "5000"]],
        ..Case::PLAIN
    } => ["large-packets-lost"], [];

    one_packet_in_twenty_lost: Case {
        router: &[&[
            "nft",
            "insert rule ip filter forward iifname wan0 udp sport 6970 numgen inc mod 20 == 0 drop",
        ]],
        clients: &[&["--punch", "--packets", "200"]],
        ..Case::PLAIN
    } => [], ["rtp-loss"];

    a_group_that_the_router_does_not_forward: Case {
        camera: Some(&["--group", "239.192.7.7"]),
        clients: &[&["--transport", "RTP/AVP;multicast", "--join", "--patience-ms", "3000"]],
        ..Case::PLAIN
    } => ["multicast-not-joined", "rtp-never-arrived"], [];

    a_group_that_nobody_asked_for: Case {
        camera: Some(&["--group", "239.192.7.7", "--stop-after-ms", "0"]),
        clients: &[&["--transport", "RTP/AVP;multicast", "--patience-ms", "3000"]],
        ..Case::PLAIN
    } => ["multicast-not-joined"], [];

    a_group_that_the_router_forwards: Case {
        router: &[
            &["tc", "qdisc", "add", "dev", "wan0", "ingress"],
            &[
                "tc", "filter", "add", "dev", "wan0", "ingress", "protocol", "ip", "u32", "match", "ip", "dst",
                "239.0.0.0/8", "action", "mirred", "egress", "mirror", "dev", "lan0",
            ],
        ],
        camera: Some(&["--group", "239.192.7.7"]),
        clients: &[&["--transport", "RTP/AVP;multicast", "--join"]],
        ..Case::PLAIN
    } => [], [];

    two_private_networks: Case {
        nat: Nat::Routed,
        clients: &[&[]],
        ..Case::PLAIN
    } => [], ["different-subnets"];

    a_camera_behind_a_port_forward: Case {
        camera_inside: true,
        camera: Some(&["--called", "192.168.1.100"]),
        clients: &[&[]],
        ..Case::PLAIN
    } => [], ["exposed-to-internet", "nat-private-address-leaked"];

    /// Media go out only, and what comes back is nothing.
    a_recording: Case {
        clients: &[RECORDS],
        ..Case::PLAIN
    } => [], [];

    /// The player's host refuses some packets, and a router that believes it forgets the mapping.
    a_mapping_that_an_icmp_error_ends: Case {
        router: &[
            &["nft", "add set ip filter torn { type ipv4_addr; size 16; flags dynamic; }"],
            &["nft", "insert rule ip filter forward iifname wan0 meta l4proto udp ip daddr @torn drop"],
            &["nft", "insert rule ip filter forward iifname lan0 icmp type destination-unreachable add @torn { ip saddr }"],
        ],
        clients: &[&["--punch", "--close-after", "40", "--packets", "10000", "--patience-ms", "13000"]],
        ..Case::PLAIN
    } => ["mapping-expired", "rtp-stalled"], [];

    a_recording_that_the_router_holds_back: Case {
        router: &[&["nft", "insert rule ip filter forward iifname lan0 udp dport 6970 drop"]],
        clients: &[RECORDS],
        ..Case::PLAIN
    } => ["rtp-never-arrived"], [];

    /// After so much of the client's media the router lets nothing of it out.
    a_recording_that_the_router_lets_through_no_more: Case {
        router: &[&["nft", "insert rule ip filter forward iifname lan0 udp dport 6970 quota over 20000 bytes drop"]],
        clients: &[&[
            "--record",
            "--packets",
            "400",
            "--transport",
            "RTP/AVP;unicast;client_port=5000-5001;mode=record",
        ]],
        ..Case::PLAIN
    } => ["rtp-stalled"], [];
}
