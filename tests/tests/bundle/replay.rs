//! What is handed on says the same as the captures.

use std::collections::BTreeSet;
use std::io;

use rtspscope_tests::program;
use serde_json::Value;

use super::evidence::{bundle, place};
use super::talk::Side::{Camera, Player};
use super::talk::Talk;

fn golden(name: &str) -> String {
    format!("{}/captures/golden/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// Code, session, medium and summary of each finding.
fn findings(report: &Value) -> BTreeSet<[String; 4]> {
    let findings = report["findings"].as_array().expect("a list").iter();
    findings
        .map(|finding| ["code", "session", "media", "summary"].map(|key| finding[key].to_string()))
        .collect()
}

const PAIRS: [&str; 15] = [
    "A-gst-ffmpeg-tcp",
    "A-gst-ffmpeg-udp",
    "A-gst-gst-udp-nopunch",
    "A-gsttls-ffmpeg-rtsps",
    "A-live555-openRTSP-http",
    "A-live555-retina-tcp",
    "A-vlc-ffmpeg-udp",
    "B-live555-ffmpeg-udp",
    "K-alg-owrt-conflict",
    "K-alg-owrt-dest-last",
    "K-alg-owrt-odd",
    "K-alg-owrt-split",
    "K-noalg-plain",
    "N-nfqraw-live555-retina",
    "P-proxy-live555-rtspc",
];

#[test]
fn the_frames_that_matter_give_the_findings_again() -> io::Result<()> {
    for pair in PAIRS {
        let [lan, wan] = ["lan", "wan"].map(|leg| golden(&format!("{pair}.{leg}.pcap")));
        let bundle = bundle(pair, &[&lan, &wan])?;
        let replayed = program::analyze(&[&bundle.pcapng()])?;
        assert_eq!(
            findings(replayed.value()),
            findings(&bundle.report()?),
            "{pair}"
        );
        let roles = |report: &Value| {
            let taps = report["capture"]["taps"].as_array().unwrap().iter();
            taps.map(|tap| tap["role"].clone()).collect::<Vec<_>>()
        };
        assert_eq!(roles(replayed.value()), roles(&bundle.report()?), "{pair}");
    }
    Ok(())
}

#[test]
fn counts_of_media_that_was_left_out_come_again() -> io::Result<()> {
    for pair in [
        "A-gst-ffmpeg-tcp",
        "A-live555-openRTSP-http",
        "B-live555-ffmpeg-udp",
    ] {
        let [lan, wan] = ["lan", "wan"].map(|leg| golden(&format!("{pair}.{leg}.pcap")));
        let bundle = bundle(&format!("counts-{pair}"), &[&lan, &wan])?;
        let replayed = program::analyze(&[&bundle.pcapng()])?;
        let counts = |report: &Value| {
            let arrivals = report["sessions"][0]["media"][0]["arrivals"]
                .as_array()
                .unwrap();
            let rtp = |arrival: &Value, key: &str| arrival["rtp"][key].clone();
            let rtcp = |arrival: &Value| arrival["rtcp"]["packets"].clone();
            arrivals
                .iter()
                .map(|arrival| {
                    let [packets, lost] = ["packets", "lost"].map(|key| rtp(arrival, key));
                    [packets, lost, rtp(arrival, "expected"), rtcp(arrival)]
                })
                .collect::<Vec<_>>()
        };
        let told = counts(&bundle.report()?);
        assert!(told[0][0].as_u64() > Some(100), "{pair}: {told:?}");
        assert_eq!(counts(replayed.value()), told, "{pair}");
    }
    Ok(())
}

#[test]
fn every_proof_is_in_it_with_its_own_file_and_number() -> io::Result<()> {
    let [lan, wan] = ["lan", "wan"].map(|leg| golden(&format!("K-noalg-plain.{leg}.pcap")));
    let bundle = bundle("proofs", &[&lan, &wan])?;
    let report = bundle.report()?;
    let listed = report["bundle"]["frames"].as_array().unwrap();
    assert_eq!(listed.len(), bundle.frames.len());
    for finding in report["findings"].as_array().unwrap() {
        for proof in finding["evidence"].as_array().unwrap() {
            let entry = listed
                .iter()
                .find(|entry| {
                    entry["tap"] == proof["tap"] && entry["original_frame"] == proof["frame"]
                })
                .unwrap();
            let frame = &bundle.frames[entry["frame"].as_u64().unwrap() as usize - 1];
            let (file, number) = (entry["file"].as_str().unwrap(), &proof["frame"]);
            assert!(
                frame
                    .comment
                    .starts_with(&format!("{file} frame {number}: ")),
                "{}",
                frame.comment
            );
            let note = format!(
                "Proves {} of session 1: {}",
                finding["code"].as_str().unwrap(),
                proof["note"].as_str().unwrap()
            );
            assert!(frame.comment.contains(&note), "{note} in {}", frame.comment);
        }
    }
    let setup = bundle
        .frames
        .iter()
        .find(|frame| frame.comment.contains("wan.pcap frame 14:"))
        .unwrap();
    assert_eq!(
        (setup.interface, setup.comment.as_str()),
        (1, "K-noalg-plain.wan.pcap frame 14: SETUP request, CSeq 3")
    );
    Ok(())
}

#[test]
fn standard_input_is_bundled_like_a_file() -> io::Result<()> {
    let capture = std::fs::read(golden("K-noalg-plain.wan.pcap"))?;
    let path = super::evidence::scratch("piped");
    let path_text = path.to_string_lossy();
    let outcome = program::run_with_input(&["analyze", "-", "--bundle", &path_text], &capture)?;
    assert_eq!(outcome.status, Some(0), "{}", outcome.stderr);
    let piped = super::evidence::Bundle::read(&path)?;
    let named = bundle("named", &[&place("named", &capture)?])?;
    let bytes = |bundle: &super::evidence::Bundle| {
        let frames = bundle.frames.iter();
        frames.map(|frame| frame.bytes.clone()).collect::<Vec<_>>()
    };
    assert_eq!(bytes(&piped), bytes(&named));
    assert!(piped.frames[0].comment.starts_with("stdin frame "));
    let mut names: Vec<_> = std::fs::read_dir(&path)?
        .map(|entry| entry.map(|entry| entry.file_name()))
        .collect::<io::Result<_>>()?;
    names.sort();
    let known = ["evidence.pcapng", "report.html", "report.json", "report.md"];
    assert_eq!(names, known);
    Ok(())
}

/// A player that has its video inside the connection, up to the answer to PLAY.
fn playing() -> Talk {
    let sdp = "v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:track1\r\n";
    let described = format!(
        "RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{sdp}",
        sdp.len()
    );
    let transport = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1";
    let url = "rtsp://10.9.1.2/a";
    let mut talk = Talk::open(0);
    for (asked, answered) in [
        (
            format!("DESCRIBE {url} RTSP/1.0\r\nCSeq: 1\r\n\r\n"),
            described,
        ),
        (
            format!("SETUP {url}/track1 RTSP/1.0\r\nCSeq: 2\r\n{transport}\r\n\r\n"),
            format!("RTSP/1.0 200 OK\r\nCSeq: 2\r\nSession: 7\r\n{transport}\r\n\r\n"),
        ),
        (
            format!("PLAY {url} RTSP/1.0\r\nCSeq: 3\r\nSession: 7\r\n\r\n"),
            "RTSP/1.0 200 OK\r\nCSeq: 3\r\nSession: 7\r\n\r\n".to_owned(),
        ),
    ] {
        talk.send(Player, asked.as_bytes());
        talk.send(Camera, answered.as_bytes());
    }
    talk
}

/// A picture that only says what changed, in an interleaved frame.
fn picture(number: u16) -> Vec<u8> {
    let timestamp = u32::from(number) * 90;
    let rtp = [
        &[0x80, 96][..],
        &number.to_be_bytes(),
        &timestamp.to_be_bytes(),
        &[0, 0, 0, 9, 0x41, 0x9a, 1, 2, 3, 4, 5, 6],
    ]
    .concat();
    [&[b'$', 0, 0, rtp.len() as u8][..], &rtp].concat()
}

fn codes_of(name: &str, talk: &Talk) -> io::Result<[BTreeSet<[String; 4]>; 2]> {
    let file = place(name, &talk.capture(2_000))?;
    let bundle = bundle(name, &[&file])?;
    let replayed = program::analyze(&[&bundle.pcapng()])?;
    Ok([findings(&bundle.report()?), findings(replayed.value())])
}

#[test]
fn what_only_the_left_out_media_showed_is_found_again() -> io::Result<()> {
    let has = |found: &BTreeSet<[String; 4]>, code: &str| {
        found
            .iter()
            .any(|finding| finding[0] == format!("\"{code}\""))
    };
    let mut keyless = playing();
    for number in 0..10_500 {
        keyless.send(Camera, &picture(number));
    }
    let [whole, again] = codes_of("keyless", &keyless)?;
    assert!(has(&whole, "no-keyframe"), "{whole:?}");
    assert_eq!(again, whole);

    let mut broken = playing();
    for number in 0..200 {
        let frame = picture(number);
        let cut = if number == 100 { 9 } else { frame.len() };
        broken.send(Camera, &frame[..cut]);
    }
    let [whole, again] = codes_of("broken", &broken)?;
    assert!(has(&whole, "interleaved-desync"), "{whole:?}");
    assert_eq!(again, whole);
    Ok(())
}

#[test]
fn the_connections_of_a_client_that_opens_one_for_each_request_are_one_session_again()
-> io::Result<()> {
    let transport = "Transport: RTP/AVP;unicast;client_port=5000-5001";
    let url = "rtsp://10.9.1.2/a";
    let mut talk = Talk::default();
    for (number, asked, answered) in [
        (
            0,
            format!("SETUP {url} RTSP/1.0\r\nCSeq: 1\r\n{transport}\r\n\r\n"),
            format!("RTSP/1.0 200 OK\r\nCSeq: 1\r\nSession: 7\r\n{transport}\r\n\r\n"),
        ),
        (
            1,
            format!("PLAY {url} RTSP/1.0\r\nCSeq: 2\r\nSession: 7\r\n\r\n"),
            "RTSP/1.0 200 OK\r\nCSeq: 2\r\nSession: 7\r\n\r\n".to_owned(),
        ),
        (
            2,
            format!("TEARDOWN {url} RTSP/1.0\r\nCSeq: 3\r\nSession: 7\r\n\r\n"),
            "RTSP/1.0 200 OK\r\nCSeq: 3\r\n\r\n".to_owned(),
        ),
    ] {
        talk.reopen(number);
        talk.send(Player, asked.as_bytes());
        talk.send(Camera, answered.as_bytes());
        talk.close();
    }
    let file = place("by-request", &talk.capture(2_000))?;
    let bundle = bundle("by-request", &[&file])?;
    let replayed = program::analyze(&[&bundle.pcapng()])?;
    for report in [&bundle.report()?, replayed.value()] {
        let sessions = report["sessions"].as_array().map_or(&[][..], Vec::as_slice);
        let asked: Vec<_> = sessions
            .iter()
            .map(|session| &session["requests"])
            .collect();
        assert_eq!(asked, [3]);
    }
    Ok(())
}
