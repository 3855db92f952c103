//! Faults of the router's translation, firewall and links.

use std::io;

use crate::case::Case;

/// The camera pauses for longer than the router remembers; a stall is one after ten seconds.
#[test]
fn a_mapping_that_expires() -> io::Result<()> {
    let case = Case {
        router: &[&[
            "sysctl",
            "-qw",
            "net.netfilter.nf_conntrack_udp_timeout=1",
            "net.netfilter.nf_conntrack_udp_timeout_stream=1",
        ]],
        camera: Some(&["--pause-ms", "1000-3000"]),
        clients: &[&["--punch", "--packets", "10000", "--patience-ms", "13000"]],
        ..Case::default()
    };
    case.expect(
        "a_mapping_that_expires",
        &["mapping-expired", "rtp-stalled"],
        &[],
    )
}

#[test]
fn a_hole_for_large_packets() -> io::Result<()> {
    let case = Case {
        router: &[&[
            "nft",
            "insert rule ip filter forward iifname wan0 meta l4proto udp meta length > 1300 drop",
        ]],
        camera: Some(&["--sizes", "200-1380"]),
        clients: &[&["--punch", "--packets", "40"]],
        ..Case::default()
    };
    case.expect(
        "a_hole_for_large_packets",
        &["large-packets-lost"],
        &["rtp-loss"],
    )
}

#[test]
fn a_firewall_that_drops_rtcp() -> io::Result<()> {
    let case = Case {
        router: &[&[
            "nft",
            "insert rule ip filter forward iifname wan0 udp sport 6971 drop",
        ]],
        clients: &[&["--punch", "--packets", "60"]],
        ..Case::default()
    };
    case.expect("a_firewall_that_drops_rtcp", &[], &["rtcp-never-arrived"])
}

#[test]
fn a_firewall_that_drops_the_connection() -> io::Result<()> {
    let case = Case {
        router: &[&[
            "nft",
            "insert rule ip filter forward iifname lan0 tcp dport 554 drop",
        ]],
        clients: &[&["--patience-ms", "5000"]],
        ..Case::default()
    };
    case.expect(
        "a_firewall_that_drops_the_connection",
        &["connection-refused"],
        &["capture-incomplete"],
    )
}
