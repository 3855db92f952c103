//! The lab keeps what the other tests rest on: it cleans up after itself, its labs do not disturb each other, and its
//! gateway does to real peers what its settings say.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::process::Command;

use rtspscope_tests::lab::peers::Camera;
use rtspscope_tests::lab::tap::Tap;
use rtspscope_tests::lab::{self, Host, Lab, Nat, Plan, netns, rules};
use rtspscope_tests::pcap::Capture;
use rtspscope_tests::wait::LIMIT;
use serde_json::{Value, json};

fn namespaces_of(name: &str) -> Vec<String> {
    let names = fs::read_dir("/run/netns").into_iter().flatten().flatten();
    let names = names.map(|entry| entry.file_name().to_string_lossy().into_owned());
    names
        .filter(|namespace| namespace.starts_with(&format!("{name}-")))
        .collect()
}

#[test]
fn a_panic_leaves_no_namespace_and_no_process() -> io::Result<()> {
    if lab::skip_unless_root("a_panic_leaves_no_namespace_and_no_process") {
        return Ok(());
    }
    let mut seen = (String::new(), 0);
    let result = panic::catch_unwind(AssertUnwindSafe(|| {
        let lab = Lab::new(&Plan::default()).expect("the lab can be built");
        let camera = Camera::default()
            .start(&lab, Host::Wan)
            .expect("the camera starts");
        seen = (lab.name().to_owned(), camera.id());
        assert_eq!(namespaces_of(&seen.0).len(), 5);
        panic!("as a failing test would");
    }));
    assert!(result.is_err());
    assert_eq!(namespaces_of(&seen.0), Vec::<String>::new());
    assert!(!Path::new("/proc").join(seen.1.to_string()).exists());
    fs::remove_dir_all(std::env::temp_dir().join(&seen.0))
}

#[test]
fn namespaces_of_a_dead_owner_are_removed() -> io::Result<()> {
    if lab::skip_unless_root("namespaces_of_a_dead_owner_are_removed") {
        return Ok(());
    }
    let mut owner = Command::new("true").spawn()?;
    owner.wait()?;
    let name = format!("rtspscope-lab-{}-0", owner.id());
    let abandoned = netns::Namespace::create(&format!("{name}-lan"))?;
    assert_eq!(namespaces_of(&name).len(), 1);
    netns::remove_leftovers()?;
    assert_eq!(namespaces_of(&name), Vec::<String>::new());
    drop(abandoned);
    Ok(())
}

/// What the scripted client says after a session in a lab with these gateway options (`None`: no gateway), and the
/// frames that tcpdump saw at (lan, wan) with the client's or the gateway's ports in their text.
fn play(plan: &Plan, gateway: Option<&[&str]>, client: &[&str]) -> io::Result<(Value, Captures)> {
    let lab = Lab::new(plan)?;
    let _camera = Camera::default().start(&lab, Host::Wan)?;
    let _gateway = match gateway {
        Some(options) => {
            let command = [&[env!("CARGO_BIN_EXE_lab-alg")], options].concat();
            let mut gateway = lab.spawn(Host::Router, "alg", &command)?;
            gateway.wait_until("open queues", LIMIT, |alg| alg.output().contains("ready"))?;
            Some(gateway)
        }
        None => None,
    };
    for command in rules::PATIENT_TCP {
        lab.run(Host::Lan, command)?;
    }
    let tap = Tap::start(&lab, lab.scratch())?;
    let url = format!("rtsp://{}/test", plan.wan_host);
    let command = [&[env!("CARGO_BIN_EXE_lab-client"), "--url", &url], client].concat();
    let mut client = lab.spawn(Host::Lan, "client", &command)?;
    client.wait_end(LIMIT)?;
    let (lan, wan) = tap.finish(&lab)?;
    let read = |file: &Path| Capture::read(&fs::read(file)?);
    Ok((
        serde_json::from_str(&client.output())?,
        Captures {
            lan: read(&lan)?,
            wan: read(&wan)?,
        },
    ))
}

/// Where an Ethernet frame with IPv4 and TCP tells its ends and its sequence number, which a repetition has too.
const IDENTITY: std::ops::Range<usize> = 26..42;

/// The captures of both legs.
struct Captures {
    lan: Capture,
    wan: Capture,
}

impl Captures {
    /// Segments at (lan, wan) that hold this text, however often TCP repeated them.
    fn with_text(&self, text: &str) -> [usize; 2] {
        [&self.lan, &self.wan].map(|capture| {
            let holds = |bytes: &[u8]| {
                bytes
                    .windows(text.len())
                    .any(|window| window == text.as_bytes())
            };
            let frames = capture.records.iter().map(|record| &record.bytes);
            let segments: BTreeSet<&[u8]> = frames
                .filter(|bytes| holds(bytes))
                .filter_map(|bytes| bytes.get(IDENTITY))
                .collect();
            segments.len()
        })
    }
}

/// The answers of a session in which everything was granted.
fn all_granted() -> Value {
    json!([
        ["OPTIONS", 200],
        ["DESCRIBE", 200],
        ["SETUP", 200],
        ["PLAY", 200],
        ["TEARDOWN", 200]
    ])
}

#[test]
fn a_client_behind_masquerade_must_punch_to_play() -> io::Result<()> {
    if lab::skip_unless_root("a_client_behind_masquerade_must_punch_to_play") {
        return Ok(());
    }
    let (outcome, _) = play(&Plan::default(), None, &["--punch"])?;
    assert_eq!(outcome, json!({ "answers": all_granted(), "rtp": 20 }));
    let (outcome, _) = play(&Plan::default(), None, &[])?;
    assert_eq!(outcome, json!({ "answers": all_granted(), "rtp": 0 }));
    let random = Plan {
        nat: Nat::FullyRandom,
        ..Plan::default()
    };
    let (outcome, _) = play(&random, None, &["--punch"])?;
    assert_eq!(outcome, json!({ "answers": all_granted(), "rtp": 0 }));
    Ok(())
}

#[test]
fn the_gateway_grows_the_request_and_restores_the_reply() -> io::Result<()> {
    if lab::skip_unless_root("the_gateway_grows_the_request_and_restores_the_reply") {
        return Ok(());
    }
    let (outcome, captures) = play(&Plan::default(), Some(&[]), &[])?;
    assert_eq!(outcome, json!({ "answers": all_granted(), "rtp": 20 }));
    assert_eq!(captures.with_text("client_port=5000-5001"), [2, 0]);
    assert_eq!(captures.with_text("client_port=10000-10001"), [0, 2]);
    Ok(())
}

#[test]
fn the_gateway_without_a_pinhole_brings_no_picture() -> io::Result<()> {
    if lab::skip_unless_root("the_gateway_without_a_pinhole_brings_no_picture") {
        return Ok(());
    }
    let (outcome, captures) = play(&Plan::default(), Some(&["--fault", "no-pinhole"]), &[])?;
    assert_eq!(outcome, json!({ "answers": all_granted(), "rtp": 0 }));
    assert_eq!(captures.with_text("client_port=10000-10001"), [0, 2]);
    Ok(())
}

#[test]
fn a_setup_in_two_segments_passes_the_gateway_unseen() -> io::Result<()> {
    if lab::skip_unless_root("a_setup_in_two_segments_passes_the_gateway_unseen") {
        return Ok(());
    }
    let (outcome, captures) = play(&Plan::default(), Some(&[]), &["--split"])?;
    assert_eq!(outcome, json!({ "answers": all_granted(), "rtp": 0 }));
    assert_eq!(captures.with_text("SETUP rtsp"), [1, 1]);
    assert_eq!(captures.with_text("client_port=10000-10001"), [0, 0]);
    Ok(())
}

#[test]
fn a_request_without_its_cr_gets_no_answer() -> io::Result<()> {
    if lab::skip_unless_root("a_request_without_its_cr_gets_no_answer") {
        return Ok(());
    }
    let (outcome, captures) = play(&Plan::default(), Some(&["--fault", "eat-cr"]), &[])?;
    assert_eq!(outcome["answers"][2], json!(["SETUP", null]));
    assert_eq!(captures.with_text("client_port=10000-10001\n\r\n"), [0, 1]);
    Ok(())
}

#[test]
fn a_swallowed_request_is_on_one_leg_only() -> io::Result<()> {
    if lab::skip_unless_root("a_swallowed_request_is_on_one_leg_only") {
        return Ok(());
    }
    let (outcome, captures) = play(&Plan::default(), Some(&["--fault", "drop-setup"]), &[])?;
    assert_eq!(outcome["answers"][2], json!(["SETUP", null]));
    let [lan, wan] = captures.with_text("SETUP rtsp");
    assert!(lan >= 1);
    assert_eq!(wan, 0);
    Ok(())
}

#[test]
fn the_gateway_rewrites_super_packets_with_unfinished_checksums() -> io::Result<()> {
    if lab::skip_unless_root("the_gateway_rewrites_super_packets_with_unfinished_checksums") {
        return Ok(());
    }
    let plan = Plan {
        offloads: true,
        ..Plan::default()
    };
    let (outcome, captures) = play(&plan, Some(&["--first-port", "61000"]), &[])?;
    assert_eq!(outcome, json!({ "answers": all_granted(), "rtp": 20 }));
    assert_eq!(captures.with_text("client_port=61000-61001"), [0, 2]);
    Ok(())
}
