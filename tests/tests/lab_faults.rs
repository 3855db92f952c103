//! One fault at a time, in the router or in its peers: the real program watches each live, its recording is replayed,
//! and both must name the fault and accuse nothing else.
//!
//! The peers are scripted, so that they do exactly what a case needs; real players and cameras are in `lab_live`.
//! Needs root.

use std::collections::BTreeSet;
use std::io;
use std::time::Duration;

use rtspscope_tests::lab::process::Process;
use rtspscope_tests::lab::watch::Watch;
use rtspscope_tests::lab::{self, Host, Lab, Plan};
use rtspscope_tests::program;

/// Longest time for a client to end by itself.
const CLIENT_LIMIT: Duration = Duration::from_secs(30);

/// Longest time for a peer to be ready.
const START_LIMIT: Duration = Duration::from_secs(10);

/// The scripted client that opens its ports and waits for twenty packets.
const PUNCHES: &[&str] = &["--punch"];

/// What is wrong in one case, and who takes part.
#[derive(Debug, Clone, Copy)]
struct Case {
    /// Commands that are run in the router first.
    router: &'static [&'static [&'static str]],
    /// A second address of the host on the internet.
    second_address: Option<&'static str>,
    /// Arguments of the gateway, if the router has one.
    alg: Option<&'static [&'static str]>,
    /// The router ends RTSP connections and opens its own.
    proxy: bool,
    /// Arguments of the camera; `None` where nothing listens.
    camera: Option<&'static [&'static str]>,
    /// Arguments of each scripted client, one after the other.
    clients: &'static [&'static [&'static str]],
    /// A real player with wrong credentials comes in their place.
    wrong_password: bool,
}

impl Default for Case {
    fn default() -> Self {
        Self {
            router: &[],
            second_address: None,
            alg: None,
            proxy: false,
            camera: Some(&[]),
            clients: &[PUNCHES],
            wrong_password: false,
        }
    }
}

impl Case {
    /// Plays the case and asserts the codes of severity error, and that those of `told` are reported as well.
    fn expect(&self, name: &str, errors: &[&str], told: &[&str]) -> io::Result<()> {
        if lab::skip_unless_root(name) {
            return Ok(());
        }
        let lab = Lab::new(&Plan::default())?;
        let watch = Watch::start(&lab)?;
        self.play(&lab)?;
        let live = watch.finish()?;
        let replay = program::analyze(&[&live.recording.to_string_lossy()])?;
        for (way, report) in [("live", &live.report), ("replay", &replay)] {
            let place = lab.scratch().display();
            let expected: BTreeSet<&str> = errors.iter().copied().collect();
            assert_eq!(report.errors(), expected, "{way}, see {place}");
            let told: BTreeSet<&str> = told.iter().copied().collect();
            assert!(
                report.codes().is_superset(&told),
                "{way}, see {place}: {:?}",
                report.codes()
            );
        }
        assert_eq!(
            live.report.essence(),
            replay.essence(),
            "live and replay, see {}",
            lab.scratch().display()
        );
        Ok(())
    }

    /// Lets the peers meet, until the last client has ended.
    fn play(&self, lab: &Lab) -> io::Result<()> {
        for command in self.router {
            lab.run(Host::Router, command)?;
        }
        if let Some(address) = self.second_address {
            lab.run(Host::Wan, &["ip", "addr", "add", address, "dev", "eth0"])?;
        }
        let _camera = self
            .camera
            .map(|args| start_camera(lab, args))
            .transpose()?;
        let _alg = self.alg.map(|args| start_alg(lab, args)).transpose()?;
        let _proxy = self.proxy.then(|| start_proxy(lab)).transpose()?;
        let address = lab.plan().wan_host;
        if self.wrong_password {
            return play_with_wrong_password(lab);
        }
        let url = format!("rtsp://{address}/test");
        for args in self.clients {
            let fixed = [env!("CARGO_BIN_EXE_lab-client"), "--url", &url];
            let mut client = lab.spawn(Host::Lan, "client", &[&fixed[..], args].concat())?;
            client.wait_end(CLIENT_LIMIT)?;
        }
        Ok(())
    }
}

fn start_camera(lab: &Lab, args: &[&str]) -> io::Result<Process> {
    let command = [&[env!("CARGO_BIN_EXE_lab-camera")], args].concat();
    let mut camera = lab.spawn(Host::Wan, "camera", &command)?;
    camera.wait_listening(554, START_LIMIT)?;
    Ok(camera)
}

fn start_alg(lab: &Lab, args: &[&str]) -> io::Result<Process> {
    let command = [&[env!("CARGO_BIN_EXE_lab-alg")], args].concat();
    let mut alg = lab.spawn(Host::Router, "alg", &command)?;
    alg.wait_until("open queues", START_LIMIT, |alg| {
        alg.output().contains("ready")
    })?;
    Ok(alg)
}

fn start_proxy(lab: &Lab) -> io::Result<Process> {
    let server = format!("{}:554", lab.plan().wan_host);
    let command = [env!("CARGO_BIN_EXE_lab-proxy"), "8554", &server];
    let mut proxy = lab.spawn(Host::Router, "proxy", &command)?;
    proxy.wait_listening(8554, START_LIMIT)?;
    lab.run(
        Host::Router,
        &[
            "nft",
            "add rule ip nat prerouting iifname lan0 tcp dport 554 redirect to :8554",
        ],
    )?;
    Ok(proxy)
}

fn play_with_wrong_password(lab: &Lab) -> io::Result<()> {
    let url = format!("rtsp://viewer:wrong@{}/test", lab.plan().wan_host);
    let command = [
        "ffmpeg",
        "-nostdin",
        "-rtsp_transport",
        "udp",
        "-i",
        &url,
        "-f",
        "null",
        "-",
    ];
    let mut player = lab.spawn(Host::Lan, "ffmpeg", &command)?;
    player.wait_end(CLIENT_LIMIT).map(drop)
}

#[test]
fn a_session_without_a_fault_has_no_finding_of_weight() -> io::Result<()> {
    Case::default().expect(
        "a_session_without_a_fault_has_no_finding_of_weight",
        &[],
        &[],
    )
}

#[test]
fn a_swallowed_setup() -> io::Result<()> {
    let case = Case {
        alg: Some(&["--fault", "drop-setup"]),
        clients: &[&["--patience-ms", "4000"]],
        ..Case::default()
    };
    case.expect("a_swallowed_setup", &["alg-dropped-message"], &[])
}

#[test]
fn a_swallowed_play() -> io::Result<()> {
    let case = Case {
        alg: Some(&["--fault", "drop-play"]),
        clients: &[&["--patience-ms", "4000"]],
        ..Case::default()
    };
    case.expect("a_swallowed_play", &["alg-dropped-message"], &[])
}

#[test]
fn an_eaten_carriage_return() -> io::Result<()> {
    let case = Case {
        alg: Some(&["--fault", "eat-cr"]),
        clients: &[&["--patience-ms", "3000"]],
        ..Case::default()
    };
    case.expect(
        "an_eaten_carriage_return",
        &["alg-corrupted-message", "request-unanswered"],
        &[],
    )
}

#[test]
fn a_content_length_that_is_too_long() -> io::Result<()> {
    let case = Case {
        alg: Some(&["--fault", "wrong-content-length"]),
        clients: &[&["--patience-ms", "3000"]],
        ..Case::default()
    };
    case.expect(
        "a_content_length_that_is_too_long",
        &["alg-corrupted-message"],
        &[],
    )
}

#[test]
fn an_address_rewritten_in_the_description() -> io::Result<()> {
    let case = Case {
        alg: Some(&["--fault", "sdp-address"]),
        clients: &[&[]],
        ..Case::default()
    };
    case.expect(
        "an_address_rewritten_in_the_description",
        &[],
        &["alg-rewrote-message"],
    )
}

#[test]
fn a_second_setup_in_the_segment_that_is_not_handled() -> io::Result<()> {
    let case = Case {
        alg: Some(&["--fault", "first-setup-only"]),
        camera: Some(&["--media", "2"]),
        clients: &[&["--pipelined", "--packets", "60"]],
        ..Case::default()
    };
    case.expect(
        "a_second_setup_in_the_segment_that_is_not_handled",
        &["alg-missed-setup", "nat-no-pinhole", "rtp-never-arrived"],
        &["alg-rewrote-message"],
    )
}

#[test]
fn a_rewrite_without_a_way_in() -> io::Result<()> {
    let case = Case {
        alg: Some(&["--fault", "no-pinhole"]),
        clients: &[&[]],
        ..Case::default()
    };
    case.expect(
        "a_rewrite_without_a_way_in",
        &["nat-no-pinhole", "rtp-never-arrived"],
        &["alg-rewrote-message"],
    )
}

#[test]
fn a_way_in_without_a_rewrite() -> io::Result<()> {
    let case = Case {
        alg: Some(&["--fault", "keep-text"]),
        clients: &[&[]],
        ..Case::default()
    };
    case.expect("a_way_in_without_a_rewrite", &[], &["alg-opened-pinhole"])
}

#[test]
fn an_answer_that_is_not_restored_to_a_client_that_punches() -> io::Result<()> {
    let case = Case {
        alg: Some(&["--fault", "keep-reply"]),
        ..Case::default()
    };
    case.expect(
        "an_answer_that_is_not_restored_to_a_client_that_punches",
        &[],
        &["alg-reply-not-restored", "nat-source-port-changed"],
    )
}

#[test]
fn a_proxy_that_changes_nothing() -> io::Result<()> {
    let case = Case {
        proxy: true,
        ..Case::default()
    };
    case.expect("a_proxy_that_changes_nothing", &[], &["proxy-in-path"])
}

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
fn a_server_that_times_the_session_out() -> io::Result<()> {
    let case = Case {
        camera: Some(&["--timeout-s", "3"]),
        clients: &[&["--punch", "--packets", "10000"]],
        ..Case::default()
    };
    case.expect(
        "a_server_that_times_the_session_out",
        &["session-timed-out"],
        &[],
    )
}

#[test]
fn a_server_that_stops_without_receiver_reports() -> io::Result<()> {
    let case = Case {
        camera: Some(&["--stop-after-ms", "1000"]),
        clients: &[&["--punch", "--packets", "10000", "--patience-ms", "11000"]],
        ..Case::default()
    };
    case.expect(
        "a_server_that_stops_without_receiver_reports",
        &["rtp-stalled"],
        &["no-receiver-reports"],
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
    case.expect("a_hole_for_large_packets", &["large-packets-lost"], &[])
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
fn media_from_a_second_address() -> io::Result<()> {
    let case = Case {
        second_address: Some("203.0.113.11/24"),
        camera: Some(&["--media-address", "203.0.113.11"]),
        ..Case::default()
    };
    case.expect(
        "media_from_a_second_address",
        &["rtp-never-arrived", "rtp-wrong-source"],
        &[],
    )
}

#[test]
fn a_refused_connection() -> io::Result<()> {
    let case = Case {
        camera: None,
        ..Case::default()
    };
    case.expect("a_refused_connection", &["connection-refused"], &[])
}

#[test]
fn a_stream_that_is_not_there() -> io::Result<()> {
    let case = Case {
        camera: Some(&["--status", "DESCRIBE=404"]),
        ..Case::default()
    };
    case.expect("a_stream_that_is_not_there", &["describe-failed"], &[])
}

#[test]
fn wrong_credentials() -> io::Result<()> {
    let case = Case {
        camera: Some(&["--status", "DESCRIBE=401"]),
        wrong_password: true,
        ..Case::default()
    };
    case.expect("wrong_credentials", &["authentication-failed"], &[])
}

#[test]
fn a_camera_without_room() -> io::Result<()> {
    let case = Case {
        camera: Some(&["--status", "SETUP=453"]),
        ..Case::default()
    };
    case.expect("a_camera_without_room", &["server-busy"], &[])
}

#[test]
fn a_refused_transport() -> io::Result<()> {
    let case = Case {
        camera: Some(&["--status", "SETUP=461"]),
        ..Case::default()
    };
    case.expect("a_refused_transport", &[], &["transport-refused"])
}

/// The gateway reads one segment at a time: it helps the first client and does not see what the second one asks for.
#[test]
fn a_setup_cut_in_two_segments() -> io::Result<()> {
    let case = Case {
        alg: Some(&[]),
        clients: &[&[], &["--split"]],
        ..Case::default()
    };
    case.expect(
        "a_setup_cut_in_two_segments",
        &["alg-missed-setup", "nat-no-pinhole", "rtp-never-arrived"],
        &["alg-rewrote-message"],
    )
}

/// Plain NAT would have let the media in: the client punched, and the gateway told the server another port.
#[test]
fn a_rewrite_without_a_way_in_for_a_client_that_punches() -> io::Result<()> {
    let case = Case {
        alg: Some(&["--fault", "no-pinhole"]),
        ..Case::default()
    };
    case.expect(
        "a_rewrite_without_a_way_in_for_a_client_that_punches",
        &["rtp-never-arrived"],
        &["alg-rewrote-message"],
    )
}

#[test]
fn a_proxy_and_a_client_that_does_not_punch() -> io::Result<()> {
    let case = Case {
        proxy: true,
        clients: &[&[]],
        ..Case::default()
    };
    case.expect(
        "a_proxy_and_a_client_that_does_not_punch",
        &["nat-no-pinhole", "rtp-never-arrived"],
        &["proxy-in-path"],
    )
}

#[test]
fn media_from_a_port_that_was_not_told() -> io::Result<()> {
    let case = Case {
        camera: Some(&["--announced-port", "7970"]),
        ..Case::default()
    };
    case.expect(
        "media_from_a_port_that_was_not_told",
        &["rtp-never-arrived", "rtp-wrong-port"],
        &[],
    )
}

#[test]
fn a_camera_that_sends_nothing() -> io::Result<()> {
    let case = Case {
        camera: Some(&["--stop-after-ms", "0"]),
        clients: &[&["--punch", "--patience-ms", "3000"]],
        ..Case::default()
    };
    case.expect("a_camera_that_sends_nothing", &["rtp-never-sent"], &[])
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
        &[],
    )
}

#[test]
fn a_way_in_that_a_client_that_punches_does_not_need() -> io::Result<()> {
    let case = Case {
        alg: Some(&["--fault", "keep-text"]),
        ..Case::default()
    };
    case.expect(
        "a_way_in_that_a_client_that_punches_does_not_need",
        &[],
        &[],
    )
}
