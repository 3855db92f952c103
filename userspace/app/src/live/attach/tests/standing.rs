//! Hosts of connections that were there before the run. Root only.

use super::packets::rtp;
use super::shapes::{Ip, ends, frame, udp};
use super::*;

const PORTS: [u16; 2] = [6000, 5000];

/// The interface that made packets come from: the loopback.
const IFINDEX: u32 = 1;

#[test]
fn hosts_of_a_standing_connection_are_followed_at_their_tap_before_they_speak() {
    if !may_load("hosts_of_a_standing_connection_are_followed_at_their_tap_before_they_speak") {
        return;
    }
    let ips = [Ip::V4, Ip::V6];
    let pairs = ips.map(|ip| {
        let (from, to) = ends(ip, PORTS);
        (from.ip(), to.ip())
    });
    for (ifindex, count) in [(IFINDEX, 2), (IFINDEX + 1, 0)] {
        let mut loaded = Loaded::new();
        let mut peers = Peers::new(&mut loaded.ebpf, pairs.into_iter()).unwrap();
        peers.follow_at(ifindex).unwrap();
        for ip in ips {
            let packet = frame(&[], "", ip, 17, &udp(PORTS, &rtp(1)));
            loaded.run("rtsp_ether_in", &packet, 1);
        }
        let mut followed: Vec<_> = loaded.flows().iter().map(|(key, _)| key.to()).collect();
        followed.sort();
        let expected = ips.map(|ip| ends(ip, PORTS).1);
        assert_eq!(followed, expected[..count]);
    }
}

/// The kernel keeps a pair by the same key, whoever of the two speaks.
#[test]
fn a_pair_that_speaks_later_on_is_the_same_pair() {
    if !may_load("a_pair_that_speaks_later_on_is_the_same_pair") {
        return;
    }
    let mut loaded = Loaded::new();
    for turned in [false, true] {
        let ends = if turned { (MEDIA.1, MEDIA.0) } else { MEDIA };
        let text = packets::said(ends, "RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n");
        loaded.run("rtsp_ether_in", &text, 1);
    }
    let peers = loaded.ebpf.map("PEERS").unwrap();
    let peers: HashMap<_, PeerKey, u32> = peers.try_into().unwrap();
    let keys: Vec<_> = peers.keys().map(Result::unwrap).collect();
    assert_eq!(keys, [PeerKey::new((MEDIA.0.ip(), MEDIA.1.ip()), IFINDEX)]);
}
