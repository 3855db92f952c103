//! Someone who knows sngrep finds the cause in each golden capture within four keys from the start.

use super::Stage;

/// Captures, keys, and what stands on an 80×24 screen then.
const KEYS: &[(&str, &str, &[&str])] = &[
    (
        "A-gst-ffmpeg-udp",
        "",
        &["✓ nothing found that is wrong", "none/harmless"],
    ),
    (
        "A-gst-ffmpeg-tcp",
        "",
        &["✓ nothing found that is wrong", "tcp"],
    ),
    (
        "A-gst-gst-udp-nopunch",
        "",
        &[
            "[rtp-never-arrived]",
            "257 RTP packets were sent and none reached the client's side",
        ],
    ),
    (
        "A-gst-gst-udp-nopunch",
        "i j",
        &[
            "nat-no-pinhole",
            "the router had no way in for media to 203.0.113.1:34114",
        ],
    ),
    (
        "A-gst-gst-udp-nopunch",
        "m",
        &["RTP video H264 breaks off between WAN and LAN", "✗ 0"],
    ),
    (
        "A-gst-gst-udp-nopunch",
        "i Enter",
        &["✗ lost", "257 RTP video"],
    ),
    ("A-vlc-ffmpeg-udp", "", &["✓ nothing found that is wrong"]),
    (
        "A-live555-openRTSP-http",
        "",
        &["✓ nothing found that is wrong", "http-tunnel"],
    ),
    (
        "A-live555-retina-tcp",
        "",
        &["✓ nothing found that is wrong", "tcp"],
    ),
    (
        "A-gsttls-ffmpeg-rtsps",
        "",
        &["the connection is TLS and cannot be read", "[encrypted]"],
    ),
    ("R-random-live555-ffmpeg-udp", "", &["nat-port-randomised"]),
    (
        "R-random-live555-ffmpeg-udp",
        "m",
        &["✗ 0", "breaks off between WAN and LAN"],
    ),
    (
        "B-live555-ffmpeg-udp",
        "",
        &["nat-private-address-leaked", "none/harmless"],
    ),
    (
        "K-noalg-plain",
        "",
        &["[rtp-never-arrived]", "[nat-no-pinhole]"],
    ),
    (
        "K-alg-owrt-plain",
        "",
        &[
            "the router let RTP and RTCP in without a packet from the client",
            "pinhole/helped",
        ],
    ),
    (
        "K-alg-owrt-conflict",
        "j",
        &[
            "the client asked for port 9998 and reads 10000 in the answer",
            "[alg-rewrote-message]",
        ],
    ),
    (
        "K-alg-owrt-conflict",
        "j d",
        &[
            "Transport.client_port",
            "9998-9999",
            "10000-10001",
            "2 bytes longer",
        ],
    ),
    (
        "K-alg-owrt-dest-last",
        "",
        &[
            "the router broke SETUP: line-ending",
            "[alg-corrupted-message]",
            "SETUP (CSeq 3) was never answered",
        ],
    ),
    (
        "K-alg-owrt-dest-last",
        "d n",
        &[
            "corruption line-ending",
            "203.0.113.1\\n",
            "a line lost its end",
        ],
    ),
    ("K-alg-owrt-split", "", &["[nat-no-pinhole]"]),
    ("K-alg-owrt-odd", "", &["[rtcp-never-arrived]"]),
    (
        "K-alg-owrt-odd",
        "m",
        &["RTCP video H264 breaks off between WAN and LAN"],
    ),
    ("K-B-alg-owrt-plain", "", &["none/harmless"]),
    (
        "N-nfq-live555-rtspc",
        "",
        &["the router changed Transport.client_port of SETUP"],
    ),
    (
        "N-nfq-live555-rtspc",
        "d",
        &["change 1 of", "Transport.client_port"],
    ),
    (
        "N-nfqraw-live555-retina",
        "",
        &[
            "media comes to the client from port 53473, not from 6970",
            "[alg-reply-not-restored]",
        ],
    ),
    ("N-nfqraw-live555-retina", "d", &["Transport.client_port"]),
    (
        "P-proxy-live555-rtspc",
        "",
        &[
            "the router ends the connection and opens its own",
            "[proxy-in-path]",
        ],
    ),
    (
        "M-gst-gst-mcast",
        "",
        &["only one side of the router was seen", "multicast"],
    ),
];

#[test]
fn each_cause_is_seen_within_four_keys() {
    for (name, keys, shown) in KEYS {
        assert!(keys.split(' ').filter(|key| !key.is_empty()).count() <= 4);
        let mut stage = Stage::of(name);
        let screen = stage.press(keys).screen();
        // A sentence may go on in the next line.
        let flowing = screen.split_whitespace().collect::<Vec<_>>().join(" ");
        for text in *shown {
            assert!(
                flowing.contains(text),
                "{name} [{keys}] does not show {text:?}:\n{screen}"
            );
        }
    }
}
