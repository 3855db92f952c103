//! The router's own connection tracking in a live run, on the real kernel: what it says of pairs, mappings, helpers and
//! expectations stands in the report, and the replay of the recording says the same to the letter.
//!
//! No kernel has an RTSP helper built in. Its FTP helper is one of the same kind and is attached to the RTSP port here: it
//! reads a body that begins with `PORT`, changes it, and expects a connection.

use std::io;

use rtspscope_tests::lab::peers;
use rtspscope_tests::lab::process::Process;
use rtspscope_tests::lab::watch::{Watch, Watched};
use rtspscope_tests::lab::{self, Host, Lab, Plan, rules};
use rtspscope_tests::program;
use rtspscope_tests::wait::{self, LIMIT};
use serde_json::{Value, json};

/// Lets a rule attach the kernel's FTP helper to the RTSP port.
const HELPER_RULES: &str = "table ip helpers {
  ct helper ftp-std {
    type \"ftp\" protocol tcp
    l3proto ip
  }
  chain prerouting { type filter hook prerouting priority mangle;
    tcp dport 554 ct helper set \"ftp-std\"
  }
}";

/// Reads one message up to its empty line, as both scripts do.
const READ: &str = "
import os, socket, sys, time
socket.setdefaulttimeout(60)
def read(peer, end=b'\\r\\n\\r\\n'):
    data = b''
    while not data.endswith(end):
        data += peer.recv(1)
    return data
";

/// Answers, reads the body that the helper has changed, and connects to where it leads.
const CAMERA: &str = "
listener = socket.create_server(('203.0.113.10', 554))
peer, _ = listener.accept()
read(peer)
peer.sendall(b'RTSP/1.0 200 OK\\r\\nCSeq: 1\\r\\nPublic: OPTIONS, GET_PARAMETER\\r\\n\\r\\n')
read(peer)
numbers = read(peer, b'\\r\\n').split()[1].decode().split(',')
print('.'.join(numbers[:4]), int(numbers[4]) * 256 + int(numbers[5]), flush=True)
back = socket.socket()
back.bind(('203.0.113.10', 20))
back.connect(('.'.join(numbers[:4]), int(numbers[4]) * 256 + int(numbers[5])))
back.sendall(b'in')
peer.sendall(b'RTSP/1.0 200 OK\\r\\nCSeq: 2\\r\\n\\r\\n')
back.close()
peer.recv(1)
peer.close()
";

/// Connects, waits for a file to be there, and then speaks.
const CLIENT: &str = "
waiting = socket.create_server(('192.168.1.100', 1080))
peer = socket.create_connection(('203.0.113.10', 554))
peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
print('connected', flush=True)
while not os.path.exists(sys.argv[1]):
    time.sleep(0.01)
peer.sendall(b'OPTIONS rtsp://203.0.113.10/test RTSP/1.0\\r\\nCSeq: 1\\r\\n\\r\\n')
read(peer)
peer.sendall(b'GET_PARAMETER rtsp://203.0.113.10/test RTSP/1.0\\r\\nCSeq: 2\\r\\nContent-Length: 25\\r\\n\\r\\n')
peer.sendall(b'PORT 192,168,1,100,4,56\\r\\n')
inside, _ = waiting.accept()
print(inside.recv(2).decode(), flush=True)
read(peer)
peer.close()
";

fn skip(test: &str) -> bool {
    lab::skip_unless_root(test)
}

/// The live report; the replay of the recording has the same sessions and findings, frame numbers and times included.
fn replayed(live: &Watched) -> io::Result<Value> {
    let replay = program::analyze(&[&live.recording.to_string_lossy()])?;
    // A live run advises for the machine that it runs on.
    let [report, again] =
        [&live.report, &replay].map(|report| without_remedies(report.without_sources()));
    for part in ["sessions", "findings"] {
        assert_eq!(report[part], again[part], "live and replay: {part}");
    }
    Ok(report)
}

fn without_remedies(mut report: Value) -> Value {
    let findings = report["findings"].as_array_mut();
    for finding in findings.into_iter().flatten() {
        finding["remedy"] = Value::Null;
    }
    report
}

fn script(lab: &Lab, host: Host, name: &str, text: &str, args: &[&str]) -> io::Result<Process> {
    let text = format!("{READ}{text}");
    let command = [&["/usr/bin/python3", "-c", &text], args].concat();
    lab.spawn(host, name, &command)
}

fn camera(lab: &Lab, args: &[&str]) -> io::Result<Process> {
    peers::scripted_camera(lab, env!("CARGO_BIN_EXE_lab-camera"), args)
}

fn client(lab: &Lab, args: &[&str]) -> io::Result<()> {
    peers::scripted_client(lab, env!("CARGO_BIN_EXE_lab-client"), args)
}

fn only_session(report: &Value) -> &Value {
    let sessions = report["sessions"].as_array().map_or(&[][..], Vec::as_slice);
    match sessions {
        [session] => session,
        _ => panic!("one session expected: {report}"),
    }
}

/// The mappings of a session without times, frames and bits that depend on the moment.
fn tuples(session: &Value) -> Vec<Value> {
    let mappings = session["nat"]["mappings"].as_array().cloned();
    let mut tuples: Vec<Value> = mappings
        .unwrap_or_default()
        .iter()
        .map(|entry| {
            let ends = |key: &str| json!([entry[key]["from"], entry[key]["to"]]);
            json!([entry["protocol"], ends("original"), ends("reply")])
        })
        .collect();
    tuples.sort_by_key(Value::to_string);
    tuples
}

#[test]
fn an_entry_pairs_the_legs_and_names_the_mappings() -> io::Result<()> {
    if skip("an_entry_pairs_the_legs_and_names_the_mappings") {
        return Ok(());
    }
    let lab = Lab::new(&Plan::default())?;
    let _camera = camera(&lab, &[])?;
    let watch = Watch::start(&lab)?;
    client(&lab, &[])?;
    let report = replayed(&watch.finish()?)?;
    let session = only_session(&report);
    assert_eq!(
        session["nat"]["evidence"],
        json!(["tcp-sequence", "content", "conntrack"])
    );
    let client = session["client"]["address"].as_str().unwrap_or_default();
    let port = client.rsplit(':').next().unwrap_or_default();
    let flow = |protocol: &str, inside: u16, server: u16| {
        let (inside, outside) = (
            format!("192.168.1.100:{inside}"),
            format!("203.0.113.1:{inside}"),
        );
        let server = format!("203.0.113.10:{server}");
        json!([protocol, [inside, server], [server, outside]])
    };
    let tcp = flow("tcp", port.parse().map_err(io::Error::other)?, 554);
    assert_eq!(
        tuples(session),
        [tcp, flow("udp", 5000, 6970), flow("udp", 5001, 6971)]
    );
    assert_eq!(session["alg"]["helper"], Value::Null);
    assert_eq!(session["alg"]["expectations"], json!([]));
    Ok(())
}

#[test]
fn the_end_of_a_mapping_is_told_by_the_table_itself() -> io::Result<()> {
    if skip("the_end_of_a_mapping_is_told_by_the_table_itself") {
        return Ok(());
    }
    let lab = Lab::new(&Plan::default())?;
    let time_outs = [
        "sysctl",
        "-qw",
        "net.netfilter.nf_conntrack_udp_timeout=2",
        "net.netfilter.nf_conntrack_udp_timeout_stream=2",
    ];
    lab.run(Host::Router, &time_outs)?;
    // Media pauses for longer than the time-out, and goes on while the client still waits for it.
    let _camera = camera(&lab, &["--pause-ms", "500-4000"])?;
    let watch = Watch::start(&lab)?;
    client(&lab, &["--packets", "1000", "--patience-ms", "7000"])?;
    let report = replayed(&watch.finish()?)?;
    let findings = report["findings"].as_array().cloned().unwrap_or_default();
    let expired = findings
        .iter()
        .find(|finding| finding["code"] == "mapping-expired")
        .unwrap_or_else(|| panic!("no mapping-expired: {report}"));
    let evidence = expired["evidence"].as_array().cloned().unwrap_or_default();
    let told: Vec<&Value> = evidence
        .iter()
        .filter(|proof| proof["tap"] == "netfilter" && proof["frame"].is_u64())
        .collect();
    assert_eq!(told.len(), 1, "{expired}");
    assert_eq!(
        told[0]["note"],
        "netfilter's own table: the mapping 192.168.1.100:5000 to 203.0.113.10:6970, which lasts 2 s without a packet, ended"
    );
    let mappings = only_session(&report)["nat"]["mappings"].as_array().cloned();
    let rtp = mappings
        .into_iter()
        .flatten()
        .find(|entry| entry["original"]["from"] == "192.168.1.100:5000");
    assert_eq!(
        rtp.map(|entry| entry["ended_at"].clone()),
        Some(told[0]["at"].clone())
    );
    Ok(())
}

/// What came of a scene in which a helper read along.
struct Helped {
    report: Value,
    recording: std::path::PathBuf,
    /// What conntrack's own program said of expectations.
    witness: String,
    /// Kept for the recording.
    _lab: Lab,
}

/// The client connects before the run begins, or after it, and the helper does its work.
fn helped(connects_first: bool) -> io::Result<Helped> {
    let lab = Lab::new(&Plan::default())?;
    lab.run(Host::Router, &["nft", HELPER_RULES])?;
    // A repeated `PORT` is expected twice.
    for command in rules::PATIENT_TCP {
        lab.run(Host::Lan, command)?;
    }
    // What takes long is done before anyone waits for anyone.
    program::binary()?;
    let mut camera = script(&lab, Host::Wan, "camera", CAMERA, &[])?;
    camera.wait_listening(554, LIMIT)?;
    let go = lab.scratch().join("go");
    let connect = || -> io::Result<Process> {
        let mut client = script(&lab, Host::Lan, "client", CLIENT, &[&go.to_string_lossy()])?;
        client.wait_until("connect", LIMIT, |client| {
            client.output().contains("connected")
        })?;
        Ok(client)
    };
    let early = connects_first.then(connect).transpose()?;
    let watch = Watch::start(&lab)?;
    let mut witness = lab.spawn(Host::Router, "witness", &["conntrack", "-E", "expect"])?;
    wait::until("the witness to listen", LIMIT, || {
        let sockets = lab.run(Host::Router, &["cat", "/proc/net/netlink"]).ok()?;
        let id = witness.id().to_string();
        let is_its = |line: &&str| line.split_whitespace().nth(2) == Some(&id);
        sockets.lines().find(is_its).map(drop)
    })?;
    let mut client = early.map_or_else(connect, Ok)?;
    std::fs::write(&go, "")?;
    camera.wait_end(LIMIT)?;
    client.wait_end(LIMIT)?;
    assert_eq!(camera.output(), "203.0.113.1 1080\n", "the helper must act");
    assert_eq!(client.output(), "connected\nin\n");
    // Of a connection that was there before nobody listened the kernel may tell no events.
    if !connects_first {
        witness.wait_until("the end of the expectation", LIMIT, |witness| {
            witness.output().contains("[DESTROY]")
        })?;
    }
    witness.interrupt(LIMIT)?;
    let live = watch.finish()?;
    Ok(Helped {
        recording: live.recording.clone(),
        report: replayed(&live)?,
        witness: witness.output(),
        _lab: lab,
    })
}

/// An expectation as conntrack's own program tells it.
fn in_its_words(expectation: &Value, master: &Value) -> String {
    let part = |value: &Value| {
        let text = value.as_str().unwrap_or_default();
        let (host, port) = text.rsplit_once(':').unwrap_or_default();
        (host.to_owned(), port.to_owned())
    };
    let [from, to] = ["from", "to"].map(|key| part(&expectation[key]));
    let [client, server] = ["from", "to"].map(|key| part(&master[key]));
    format!(
        "proto=6 src={} dst={} sport={} dport={} mask-src=255.255.255.255 mask-dst=255.255.255.255 sport=0 dport=65535 \
         master-src={} master-dst={} sport={} dport={} class=0 helper={}",
        from.0,
        to.0,
        from.1,
        to.1,
        client.0,
        server.0,
        client.1,
        server.1,
        expectation["helper"].as_str().unwrap_or_default(),
    )
}

#[test]
fn a_real_helper_its_expectation_and_adjusted_numbers_are_named() -> io::Result<()> {
    if skip("a_real_helper_its_expectation_and_adjusted_numbers_are_named") {
        return Ok(());
    }
    let helped = helped(false)?;
    let session = only_session(&helped.report);
    let (alg, entry) = (&session["alg"], &session["nat"]["mappings"][0]);
    assert_eq!(
        (&alg["action"], &alg["helper"]),
        (&json!("rewrite"), &json!("ftp"))
    );
    assert_eq!(
        (&entry["began"], &entry["helper"]),
        (&json!(true), &json!("ftp"))
    );
    assert_eq!(
        entry["status"],
        json!(["seen-reply", "assured", "src-nat", "seq-adjust", "helper"])
    );
    // `PORT 192,168,1,100,4,56` became `PORT 203,0,113,1,4,56`.
    assert_eq!(entry["sequence_offsets"], json!([-2, 0]));
    let expectations = alg["expectations"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    let [expectation] = expectations else {
        panic!("one expectation: {session}");
    };
    let told = in_its_words(expectation, &entry["original"]);
    // The seconds that are left depend on the moment.
    let without_secs = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let secs = words.get(1).and_then(|secs| secs.parse::<u32>().ok());
        assert!(secs.is_some_and(|secs| secs <= 300), "{line}");
        [&words[..1], &words[2..]].concat().join(" ")
    };
    let witness: Vec<String> = helped.witness.lines().map(without_secs).collect();
    assert_eq!(
        witness,
        [format!("[NEW] {told}"), format!("[DESTROY] {told}")]
    );
    assert!(
        expectation["ended_at"].is_string(),
        "it was used: {expectation}"
    );
    let shown = program::run(&["analyze", &helped.recording.to_string_lossy()])?;
    let shown = shown
        .stdout
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    let line = "netfilter's own table: helper ftp, which expects media at 203.0.113.1:1080; sequence numbers adjusted";
    assert!(shown.contains(line), "{shown}");
    Ok(())
}

/// The kernel tells no event of an entry that began while nobody listened; what is known of it comes from the table.
#[test]
fn a_connection_that_was_there_before_is_known_from_the_table() -> io::Result<()> {
    if skip("a_connection_that_was_there_before_is_known_from_the_table") {
        return Ok(());
    }
    let helped = helped(true)?;
    let session = only_session(&helped.report);
    let evidence = session["nat"]["evidence"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    assert!(evidence.contains(&json!("conntrack")), "{session}");
    let entry = &session["nat"]["mappings"][0];
    assert_eq!(
        (&entry["began"], &entry["helper"]),
        (&json!(false), &json!("ftp"))
    );
    assert_eq!(entry["sequence_offsets"], json!([-2, 0]));
    assert_eq!(session["alg"]["action"], "rewrite");
    Ok(())
}
