//! Real cameras and real players meet over every transport, and nothing is wrong: no error, and no warning but those that a
//! camera behind a port forward deserves.
//!
//! Such a camera answers the whole internet (`exposed-to-internet`), and one that names itself by its private address on the
//! public side misleads players that act on it (`nat-private-address-leaked`): both are true of the healthy session too,
//! and the contract knows no lesser severity for them. Needs root.

use std::collections::BTreeSet;
use std::io;

use rtspscope_tests::lab::peers::{self, Camera};
use rtspscope_tests::lab::process::Process;
use rtspscope_tests::lab::watch::Watch;
use rtspscope_tests::lab::{self, Host, Lab, Plan};
use rtspscope_tests::program;
use rtspscope_tests::wait::LIMIT;
use serde_json::{Value, json};

/// Lets a copy of what comes for a group from the internet go on into the home network, as a multicast router does.
const FORWARDS_GROUPS: &[&[&str]] = &[
    &["tc", "qdisc", "add", "dev", "wan0", "ingress"],
    &[
        "tc",
        "filter",
        "add",
        "dev",
        "wan0",
        "ingress",
        "protocol",
        "ip",
        "u32",
        "match",
        "ip",
        "dst",
        "239.0.0.0/8",
        "action",
        "mirred",
        "egress",
        "mirror",
        "dev",
        "lan0",
    ],
];

/// Leads what comes from inside for the public address to the camera, by the router's own address: NAT loopback. Media that
/// come before the player has opened its port end at the router, which must not remember them: it would give the player's
/// packet another port.
const TURNS_AROUND: &[&[&str]] = &[
    &[
        "nft",
        "add rule ip nat prerouting iifname lan0 ip daddr 203.0.113.1 dnat to 192.168.1.100",
    ],
    &[
        "nft",
        "add rule ip nat postrouting ip saddr 192.168.1.0/24 ip daddr 192.168.1.100 masquerade",
    ],
    &[
        "nft",
        "add rule ip filter input iifname lan0 udp dport 1024-65535 drop",
    ],
];

/// Both legs are at the one tap that saw them, each with its own hosts and its own media, as many beside one as beside the
/// other.
fn assert_turns_around(session: &Value) {
    let host = |end: &Value| {
        let end = end.as_str().unwrap_or_default();
        end.rsplit_once(':').map_or("", |(host, _)| host).to_owned()
    };
    let ends = |leg: usize| {
        let leg = &session["legs"][leg];
        (
            leg["tap"].clone(),
            host(&leg["client"]),
            host(&leg["server"]),
        )
    };
    let (player, router) = ("192.168.1.101".to_owned(), "192.168.1.1".to_owned());
    let (public, camera) = ("203.0.113.1".to_owned(), "192.168.1.100".to_owned());
    assert_eq!(
        [ends(0), ends(1)],
        [
            (json!("lan0"), player.clone(), public.clone()),
            (json!("lan0"), router.clone(), camera.clone())
        ]
    );
    let arrivals = &session["media"][0]["arrivals"];
    let seen = [0, 1].map(|leg| {
        let arrival = &arrivals[leg];
        let ends = [&arrival["rtp"]["from"], &arrival["rtp"]["to"]].map(host);
        (
            arrival["leg"].clone(),
            arrival["rtp"]["packets"].clone(),
            ends,
        )
    });
    let packets = &arrivals[0]["rtp"]["packets"];
    let expected = [[public, player], [camera, router]];
    for (leg, (ends, seen)) in expected.into_iter().zip(&seen).enumerate() {
        assert_eq!(*seen, (json!(leg), packets.clone(), ends), "{session:#}");
    }
    assert!(packets.as_u64() > Some(15), "{session:#}");
    let nat = &session["nat"];
    assert_eq!((&nat["pre_leg"], &nat["post_leg"]), (&json!(1), &json!(0)));
}

/// ffmpeg reads three seconds of the URL that follows.
macro_rules! ffmpeg {
    ($transport:literal) => {
        &[
            "ffmpeg",
            "-nostdin",
            "-loglevel",
            "warning",
            "-rtsp_transport",
            $transport,
            "-i",
            "URL",
            "-t",
            "3",
            "-c",
            "copy",
            "-f",
            "null",
            "-",
        ]
    };
}

/// GStreamer plays sixty pictures of the URL.
macro_rules! gst {
    ($protocols:literal) => {
        &[
            "gst-launch-1.0",
            "rtspsrc",
            "location=URL",
            $protocols,
            "tls-validation-flags=0",
            "timeout=30000000",
            "latency=0",
            "!",
            "rtph264depay",
            "!",
            "h264parse",
            "!",
            "fakesink",
            "num-buffers=60",
        ]
    };
}

/// retina reads eighty packets of the URL.
macro_rules! retina {
    ($transport:literal) => {
        &[env!("CARGO_BIN_EXE_lab-retina"), $transport, "URL", "80"]
    };
}

/// What serves the picture.
#[derive(Debug, Clone, Copy)]
enum Server {
    /// GStreamer's server with these further arguments.
    Gst(&'static [&'static str]),
    /// VLC at port 8554.
    Vlc,
}

/// One camera and one player.
#[derive(Debug)]
struct Meeting {
    server: Server,
    /// The camera is inside behind a port forward, the player outside.
    camera_inside: bool,
    /// Camera and player are inside, and the player asks at the router's public address.
    hairpin: bool,
    scheme: &'static str,
    /// The player's command; `URL` in it stands for the camera's.
    player: &'static [&'static str],
    router: &'static [&'static [&'static str]],
    /// Warnings that are due all the same.
    warnings: &'static [&'static str],
    /// How the report names what carries the media.
    transport: &'static str,
}

impl Meeting {
    /// A GStreamer camera outside.
    const PLAIN: Self = Self {
        server: Server::Gst(&[]),
        camera_inside: false,
        hairpin: false,
        scheme: "rtsp",
        player: ffmpeg!("udp"),
        router: &[],
        warnings: &[],
        transport: "udp",
    };

    fn check(&self, name: &str) -> io::Result<()> {
        if lab::skip_unless_root(name) {
            return Ok(());
        }
        let port = match self.server {
            Server::Gst(_) => 554,
            Server::Vlc => 8554,
        };
        let lab = Lab::new(&Plan {
            port_forward: self.camera_inside.then_some(port),
            ..Plan::default()
        })?;
        let (camera_host, player_host) = if self.hairpin {
            (Host::Lan, Host::LanSecond)
        } else if self.camera_inside {
            (Host::Lan, Host::Wan)
        } else {
            (Host::Wan, Host::Lan)
        };
        for command in self.router {
            lab.run(Host::Router, command)?;
        }
        for host in [Host::Wan, Host::Lan] {
            lab.run(host, &["ip", "route", "add", "224.0.0.0/4", "dev", "eth0"])?;
        }
        let _camera = match self.server {
            Server::Gst(arguments) => Camera {
                arguments,
                ..Camera::default()
            }
            .start(&lab, camera_host)?,
            Server::Vlc => peers::vlc_server(&lab, camera_host, port)?,
        };
        let watch = Watch::start(&lab)?;
        let mut player = self.play(&lab, player_host, port)?;
        player.wait_end(LIMIT)?;
        let live = watch.finish()?;
        let replay = program::analyze(&[&live.recording.to_string_lossy()])?;
        let said = player.errors();
        for (way, report) in [("live", &live.report), ("replay", &replay)] {
            let place = lab.scratch().display();
            assert_eq!(
                report.errors(),
                BTreeSet::new(),
                "{way}, see {place}\n{said}"
            );
            let warnings: BTreeSet<&str> = self.warnings.iter().copied().collect();
            assert_eq!(
                report.of_severity("warning"),
                warnings,
                "{way}, see {place}\n{said}"
            );
            let session = &report.sessions()[0];
            assert_eq!(session["transport"], self.transport, "{way}, see {place}");
            let seen = report.packets(session, "lan", "rtp");
            if self.hairpin {
                assert_turns_around(session);
            }
            assert!(
                seen > 30 || self.transport == "tls",
                "{way}: {seen} packets, see {place}\n{said}"
            );
        }
        Ok(())
    }

    fn play(&self, lab: &Lab, host: Host, port: u16) -> io::Result<Process> {
        let address = if self.camera_inside || self.hairpin {
            lab.plan().router_wan
        } else {
            lab.plan().wan_host
        };
        let url = format!("{}://{address}:{port}/test", self.scheme);
        let command: Vec<String> = self
            .player
            .iter()
            .map(|word| word.replace("URL", &url))
            .collect();
        let words: Vec<&str> = command.iter().map(String::as_str).collect();
        lab.spawn(host, "player", &words)
    }
}

macro_rules! meetings {
    ($($(#[$doc:meta])* $name:ident: $meeting:expr;)*) => {
        $($(#[$doc])* #[test] fn $name() -> io::Result<()> {
            let meeting = $meeting;
            meeting.check(stringify!($name))
        })*
    };
}

meetings! {
    ffmpeg_over_udp: Meeting { ..Meeting::PLAIN };

    ffmpeg_over_tcp: Meeting { player: ffmpeg!("tcp"), transport: "tcp", ..Meeting::PLAIN };

    ffmpeg_over_an_http_tunnel: Meeting { player: ffmpeg!("http"), transport: "http-tunnel", ..Meeting::PLAIN };

    ffmpeg_with_sound: Meeting { server: Server::Gst(&["--audio"]), ..Meeting::PLAIN };

    ffmpeg_over_tls: Meeting {
        server: Server::Gst(&["--tls"]),
        scheme: "rtsps",
        player: ffmpeg!("tcp"),
        transport: "tls",
        ..Meeting::PLAIN
    };

    ffmpeg_of_a_group: Meeting {
        server: Server::Gst(&["--group", "239.5.5.5"]),
        router: FORWARDS_GROUPS,
        player: ffmpeg!("udp_multicast"),
        transport: "multicast",
        ..Meeting::PLAIN
    };

    gst_over_udp: Meeting { player: gst!("protocols=udp"), ..Meeting::PLAIN };

    gst_over_tcp: Meeting { player: gst!("protocols=tcp"), transport: "tcp", ..Meeting::PLAIN };

    gst_over_an_http_tunnel: Meeting { scheme: "rtsph", player: gst!("protocols=tcp+http"), transport: "http-tunnel", ..Meeting::PLAIN };

    gst_over_tls: Meeting {
        server: Server::Gst(&["--tls"]),
        scheme: "rtsps",
        player: gst!("protocols=tcp"),
        transport: "tls",
        ..Meeting::PLAIN
    };

    gst_of_a_group: Meeting {
        server: Server::Gst(&["--group", "239.5.5.5"]),
        router: FORWARDS_GROUPS,
        player: gst!("protocols=udp-mcast"),
        transport: "multicast",
        ..Meeting::PLAIN
    };

    retina_over_udp: Meeting { player: retina!("udp"), ..Meeting::PLAIN };

    retina_over_tcp: Meeting { player: retina!("tcp"), transport: "tcp", ..Meeting::PLAIN };

    retina_at_vlc: Meeting { server: Server::Vlc, player: retina!("udp"), ..Meeting::PLAIN };

    ffmpeg_at_vlc: Meeting { server: Server::Vlc, ..Meeting::PLAIN };

    gst_at_vlc: Meeting { server: Server::Vlc, player: gst!("protocols=udp"), ..Meeting::PLAIN };

    ffmpeg_over_udp_at_a_camera_inside: Meeting {
        camera_inside: true,
        warnings: &["exposed-to-internet"],
        ..Meeting::PLAIN
    };

    ffmpeg_over_tcp_at_a_camera_inside: Meeting {
        camera_inside: true,
        player: ffmpeg!("tcp"),
        transport: "tcp",
        warnings: &["exposed-to-internet"],
        ..Meeting::PLAIN
    };

    gst_over_tcp_at_a_camera_inside: Meeting {
        camera_inside: true,
        player: gst!("protocols=tcp"),
        transport: "tcp",
        warnings: &["exposed-to-internet"],
        ..Meeting::PLAIN
    };

    gst_over_udp_at_a_camera_inside: Meeting {
        camera_inside: true,
        player: gst!("protocols=udp"),
        warnings: &["exposed-to-internet"],
        ..Meeting::PLAIN
    };

    retina_over_udp_at_a_camera_inside: Meeting {
        camera_inside: true,
        player: retina!("udp"),
        warnings: &["exposed-to-internet"],
        ..Meeting::PLAIN
    };

    retina_over_tcp_at_a_camera_inside: Meeting {
        camera_inside: true,
        player: retina!("tcp"),
        transport: "tcp",
        warnings: &["exposed-to-internet"],
        ..Meeting::PLAIN
    };

    /// VLC names itself by the address that its connection came to, the private one, in its description.
    ffmpeg_at_vlc_inside: Meeting {
        server: Server::Vlc,
        camera_inside: true,
        warnings: &["exposed-to-internet", "nat-private-address-leaked"],
        ..Meeting::PLAIN
    };

    ffmpeg_over_udp_inside_at_the_public_address: Meeting {
        hairpin: true,
        router: TURNS_AROUND,
        ..Meeting::PLAIN
    };

    ffmpeg_over_tcp_inside_at_the_public_address: Meeting {
        hairpin: true,
        router: TURNS_AROUND,
        player: ffmpeg!("tcp"),
        transport: "tcp",
        ..Meeting::PLAIN
    };

    gst_over_udp_inside_at_the_public_address: Meeting {
        hairpin: true,
        router: TURNS_AROUND,
        player: gst!("protocols=udp"),
        ..Meeting::PLAIN
    };

    retina_over_udp_inside_at_the_public_address: Meeting {
        hairpin: true,
        router: TURNS_AROUND,
        player: retina!("udp"),
        ..Meeting::PLAIN
    };

    ffmpeg_at_vlc_inside_at_the_public_address: Meeting {
        server: Server::Vlc,
        hairpin: true,
        router: TURNS_AROUND,
        ..Meeting::PLAIN
    };
}
