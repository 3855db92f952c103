//! No password leaves the house, however the segments were cut, and checksums stay right.

use std::io;

use rtspscope_tests::program;

use super::evidence::{Bundle, bundle, place};
use super::talk::Side::{Camera, Player};
use super::talk::{Talk, is_sound};

const PASSWORD: &str = "sw0rdf1sh";
/// `admin:sw0rdf1sh`
const BASIC: &str = "YWRtaW46c3cwcmRmMXNo";
const DIGEST: &str = "6629fae49393a05397450978507c4ef1";
const URL: &str = "rtsp://admin:sw0rdf1sh@10.9.1.2/live";

const WHOLE: usize = 65_535;

/// Longest piece of a secret that may be found by chance.
const PIECE: usize = 5;

fn describe() -> String {
    format!("DESCRIBE {URL} RTSP/1.0\r\nCSeq: 2\r\nAuthorization: Basic {BASIC}\r\n\r\n")
}

fn setup() -> String {
    format!(
        "SETUP rtsp://10.9.1.2/live/1 RTSP/1.0\r\nCSeq: 3\r\nAuthorization: Digest username=\"admin\", realm=\"cam\", \
         nonce=\"abc\", uri=\"/live/1\", response=\"{DIGEST}\"\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n\r\n"
    )
}

fn answer(cseq: u32, fields: &str) -> String {
    format!("RTSP/1.0 200 OK\r\nCSeq: {cseq}\r\n{fields}\r\n")
}

fn place_of(text: &str, part: &str) -> usize {
    text.find(part).expect("it is there")
}

/// Everything that the bundle holds.
fn assert_no_secret(bundle: &Bundle, secrets: &[&str]) -> io::Result<()> {
    let files = bundle.files()?;
    for secret in secrets {
        for piece in secret.as_bytes().windows(PIECE) {
            let found = files.windows(PIECE).any(|bytes| bytes == piece);
            assert!(!found, "{secret} in {}", bundle.path.display());
        }
    }
    Ok(())
}

fn assert_sound(bundle: &Bundle) {
    for frame in &bundle.frames {
        assert!(is_sound(&frame.bytes), "{}", frame.comment);
    }
}

/// All frames of the talk are in the bundle with the lengths they had.
fn assert_lengths(bundle: &Bundle, talk: &Talk) {
    let lengths = |frames: &mut dyn Iterator<Item = usize>| frames.collect::<Vec<_>>();
    assert_eq!(
        lengths(&mut bundle.frames.iter().map(|frame| frame.bytes.len())),
        lengths(&mut talk.frames.iter().map(Vec::len))
    );
}

fn split_talk() -> Talk {
    let mut talk = Talk::open(0);
    let describe = describe();
    let in_userinfo = place_of(&describe, PASSWORD) + 4;
    let in_name = place_of(&describe, "Authorization") + 5;
    let in_blob = place_of(&describe, BASIC) + 7;
    talk.send_cut(
        Player,
        describe.as_bytes(),
        &[in_userinfo, in_name, in_blob, in_blob + 4],
    );
    // Again, cut otherwise.
    talk.repeat(
        Player,
        describe.len() - in_name,
        &describe.as_bytes()[in_name..],
    );
    talk.send(Camera, answer(2, "Content-Length: 0\r\n").as_bytes());
    let setup = setup();
    let in_response = place_of(&setup, DIGEST) + 3;
    talk.send_cut(Player, setup.as_bytes(), &[in_response]);
    talk.send(Camera, answer(3, "Session: 1\r\n").as_bytes());
    talk
}

#[test]
fn secrets_across_segments_and_in_repeated_ones_are_blanked() -> io::Result<()> {
    let talk = split_talk();
    let capture = place("split", &talk.capture(WHOLE))?;
    let bundle = bundle("split", &[&capture])?;
    assert_no_secret(&bundle, &[PASSWORD, BASIC, DIGEST])?;
    assert_lengths(&bundle, &talk);
    assert_sound(&bundle);
    Ok(())
}

#[test]
fn secrets_in_segments_out_of_order_are_kept_and_blanked() -> io::Result<()> {
    let describe = describe();
    let cuts = [
        place_of(&describe, BASIC) + 7,
        place_of(&describe, BASIC) + 12,
    ];
    let orders = [[0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    for (number, order) in orders.into_iter().enumerate() {
        let mut talk = Talk::open(0);
        let first = talk.frames.len();
        talk.send_cut(Player, describe.as_bytes(), &cuts);
        let sent = talk.frames.split_off(first);
        talk.frames.extend(order.map(|place| sent[place].clone()));
        talk.send(Camera, answer(2, "Content-Length: 0\r\n").as_bytes());
        let name = format!("order-{number}");
        let bundle = bundle(&name, &[&place(&name, &talk.capture(WHOLE))?])?;
        assert_no_secret(&bundle, &[PASSWORD, BASIC])?;
        assert_lengths(&bundle, &talk);
        assert_sound(&bundle);
    }
    Ok(())
}

#[test]
fn what_is_no_secret_stays() -> io::Result<()> {
    let capture = place("stays", &split_talk().capture(WHOLE))?;
    let bundle = bundle("stays", &[&capture])?;
    let text: Vec<u8> = bundle
        .frames
        .iter()
        .flat_map(|frame| &frame.bytes[54..])
        .copied()
        .collect();
    let text = String::from_utf8_lossy(&text).into_owned();
    for kept in [
        "DESCRIBE rtsp://",
        "@10.9.1.2/live RTSP/1.0\r\nCSeq: 2\r\nAutho",
        "uri=\"/live/1\", response=\"",
        "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n\r\n",
    ] {
        assert!(text.contains(kept), "{kept} in {text}");
    }
    Ok(())
}

#[test]
fn credentials_are_shown_when_asked_for_and_no_byte_differs() -> io::Result<()> {
    let talk = split_talk();
    let capture = place("shown", &talk.capture(WHOLE))?;
    let bundle = bundle("shown", &["--show-credentials", &capture])?;
    let frames: Vec<&Vec<u8>> = bundle.frames.iter().map(|frame| &frame.bytes).collect();
    assert_eq!(frames, talk.frames.iter().collect::<Vec<_>>());
    assert_eq!(bundle.report()?["bundle"]["credentials"], "shown");
    Ok(())
}

#[test]
fn secrets_between_interleaved_media_are_blanked_and_the_media_is_not() -> io::Result<()> {
    let mut talk = Talk::open(0);
    talk.send(Player, setup().as_bytes());
    talk.send(
        Camera,
        answer(
            3,
            "Session: 1\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n",
        )
        .as_bytes(),
    );
    let play = "PLAY rtsp://10.9.1.2/live RTSP/1.0\r\nCSeq: 4\r\nSession: 1\r\n\r\n";
    talk.send(Player, play.as_bytes());
    talk.send(Camera, answer(4, "Session: 1\r\n").as_bytes());
    let media = |seq: u8| {
        let mut frame = vec![b'$', 0, 0, 20, 0x80, 96, 0, seq];
        frame.extend([0; 4]);
        frame.extend(*b"SSRCpayload\n");
        frame
    };
    talk.send(Camera, &[media(1), media(2), media(3)].concat());
    let report = [b'$', 1, 0, 8, 0x80, 201, 0, 1, 0, 0, 0, 1];
    let keepalive = format!(
        "GET_PARAMETER rtsp://10.9.1.2/live RTSP/1.0\r\nCSeq: 5\r\nSession: 1\r\nAuthorization: Basic {BASIC}\r\n\r\n"
    );
    let sent = [&report[..], keepalive.as_bytes(), &report[..]].concat();
    let in_blob = report.len() + place_of(&keepalive, BASIC) + 9;
    talk.send_cut(Player, &sent, &[in_blob]);
    let reply = answer(5, "Session: 1\r\n");
    talk.send(
        Camera,
        &[&media(4)[..], reply.as_bytes(), &media(5)].concat(),
    );
    let capture = place("interleaved", &talk.capture(WHOLE))?;
    let bundle = bundle("interleaved", &[&capture])?;
    assert_no_secret(&bundle, &[BASIC, DIGEST])?;
    assert_sound(&bundle);
    let kept = bundle
        .frames
        .iter()
        .filter(|frame| frame.bytes.ends_with(&media(5)) || frame.bytes.ends_with(&report));
    assert_eq!(kept.count(), 2);
    Ok(())
}

/// Base64 with padding.
fn base64(text: &str) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digit = |chunk: &[u8], index: usize| {
        let word = (0..3).fold(0_u32, |word, at| {
            word << 8 | u32::from(*chunk.get(at).unwrap_or(&0))
        });
        if index > chunk.len() {
            '='
        } else {
            char::from(ALPHABET[(word >> (18 - 6 * index) & 63) as usize])
        }
    };
    let groups = text.as_bytes().chunks(3);
    groups
        .flat_map(|chunk| (0..4).map(move |index| digit(chunk, index)))
        .collect()
}

#[test]
fn requests_in_base64_inside_http_are_blanked() -> io::Result<()> {
    let mut talk = Talk::open(0);
    let http = |method: &str| {
        format!(
            "{method} /live HTTP/1.0\r\nx-sessioncookie: k1\r\nAccept: application/x-rtsp-tunnelled\r\nContent-Type: application/x-rtsp-tunnelled\r\nContent-Length: 32767\r\n\r\n"
        )
    };
    talk.send(Player, http("GET").as_bytes());
    talk.send(
        Camera,
        b"HTTP/1.0 200 OK\r\nContent-Type: application/x-rtsp-tunnelled\r\n\r\n",
    );
    talk.reopen(1);
    talk.send(Player, http("POST").as_bytes());
    let hidden = [describe(), setup()]
        .map(|request| {
            base64(
                &request
                    .replace("admin:sw0rdf1sh", "***************")
                    .replace(BASIC, "********************")
                    .replace("\"admin\"", "\"*****\"")
                    .replace(DIGEST, "********************************"),
            )
        })
        .concat();
    let encoded = [base64(&describe()), base64(&setup())].concat();
    talk.send_cut(Player, encoded.as_bytes(), &[37, 102, 103, 150]);
    let differs = (0..encoded.len()).find(|at| encoded.as_bytes()[*at] != hidden.as_bytes()[*at]);
    let secret = &encoded[differs.unwrap()..][..12];
    let capture = place("tunnel", &talk.capture(WHOLE))?;
    let shown = bundle("tunnel-shown", &["--show-credentials", &capture])?;
    assert!(
        shown
            .files()?
            .windows(PIECE)
            .any(|bytes| bytes == &secret.as_bytes()[..PIECE])
    );
    let bundle = bundle("tunnel", &[&capture])?;
    assert_no_secret(&bundle, &[secret, PASSWORD, BASIC, DIGEST])?;
    assert_sound(&bundle);
    let posted: Vec<u8> = bundle.frames[6..]
        .iter()
        .flat_map(|frame| frame.bytes[54..].to_vec())
        .collect();
    let posted = String::from_utf8(posted).unwrap();
    assert_eq!(bundle.report()?["sessions"][0]["transport"], "http-tunnel");
    assert!(posted.ends_with(&hidden), "{posted}");
    Ok(())
}

#[test]
fn a_quoted_segment_is_blanked() -> io::Result<()> {
    let mut talk = Talk::open(0);
    talk.send(Player, describe().as_bytes());
    talk.refuse_last();
    let capture = place("quoted", &talk.capture(WHOLE))?;
    let bundle = bundle("quoted", &[&capture])?;
    assert_no_secret(&bundle, &[PASSWORD, BASIC])?;
    assert_lengths(&bundle, &talk);
    assert_sound(&bundle);
    Ok(())
}

#[test]
fn a_secret_whose_begin_the_capture_lost_is_blanked() -> io::Result<()> {
    let mut talk = Talk::open(0);
    let describe = describe();
    let in_blob = place_of(&describe, BASIC) + 7;
    talk.send(Player, &describe.as_bytes()[..in_blob]);
    talk.lose_last();
    talk.send(Player, &describe.as_bytes()[in_blob..]);
    talk.send(Camera, answer(2, "Content-Length: 0\r\n").as_bytes());
    talk.send(Player, setup().as_bytes());
    talk.send(Camera, answer(3, "Session: 1\r\n").as_bytes());
    let capture = place("lost", &talk.capture(WHOLE))?;
    let bundle = bundle("lost", &[&capture])?;
    assert_no_secret(&bundle, &[&BASIC[7..], DIGEST])?;
    assert_sound(&bundle);
    Ok(())
}

#[test]
fn a_secret_that_the_snapshot_length_cut_is_blanked() -> io::Result<()> {
    let mut talk = Talk::open(0);
    let describe = describe();
    talk.send(Player, describe.as_bytes());
    talk.send(Camera, answer(2, "Content-Length: 0\r\n").as_bytes());
    for cut in [
        54 + place_of(&describe, PASSWORD) + 5,
        54 + place_of(&describe, BASIC) + 11,
    ] {
        let capture = place("cut", &talk.capture(cut))?;
        let bundle = bundle("cut", &[&capture])?;
        assert!(bundle.frames.iter().any(|frame| frame.bytes.len() == cut));
        assert_no_secret(&bundle, &[PASSWORD, BASIC])?;
    }
    Ok(())
}

#[test]
fn text_in_ip_fragments_is_blanked() -> io::Result<()> {
    let mut talk = Talk::open(0);
    let describe = describe();
    talk.send(Player, describe.as_bytes());
    talk.fragment_last((20 + place_of(&describe, BASIC) + 4).next_multiple_of(8));
    talk.send(Camera, answer(2, "Content-Length: 0\r\n").as_bytes());
    let capture = place("fragments", &talk.capture(WHOLE))?;
    let bundle = bundle("fragments", &[&capture])?;
    assert_lengths(&bundle, &talk);
    assert_no_secret(&bundle, &[PASSWORD, BASIC])?;
    // Put together, the segment is sound.
    let mut whole = bundle.frames[2].bytes.clone();
    whole.extend_from_slice(&bundle.frames[3].bytes[34..]);
    let (len, flags) = ((whole.len() - 14) as u16, 0_u16);
    whole[16..18].copy_from_slice(&len.to_be_bytes());
    whole[20..22].copy_from_slice(&flags.to_be_bytes());
    assert!(is_sound(&whole));
    Ok(())
}

#[test]
fn a_tunnel_that_was_refused_first_is_handed_on_with_all_its_heads() -> io::Result<()> {
    let get = |more: &str| format!("GET /live HTTP/1.1\r\nx-sessioncookie: k1\r\n{more}\r\n");
    let mut talk = Talk::open(0);
    talk.send(Player, get("").as_bytes());
    talk.send(
        Camera,
        b"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\n\r\n",
    );
    let authorized = get(&format!("Authorization: Basic {BASIC}\r\n"));
    talk.send(Player, authorized.as_bytes());
    talk.send(
        Camera,
        b"HTTP/1.1 200 OK\r\nContent-Type: application/x-rtsp-tunnelled\r\n\r\n",
    );
    talk.send(Camera, answer(2, "").as_bytes());
    talk.reopen(1);
    talk.send(
        Player,
        b"POST /live HTTP/1.1\r\nx-sessioncookie: k1\r\nContent-Length: 32767\r\n\r\n",
    );
    talk.send(Player, base64(&describe()).as_bytes());
    let bundle = bundle("refused", &[&place("refused", &talk.capture(WHOLE))?])?;
    assert_no_secret(&bundle, &[PASSWORD, BASIC])?;
    assert_sound(&bundle);
    let messages = |report: &serde_json::Value| {
        let session = &report["sessions"][0];
        ["transport", "requests", "responses"].map(|key| session[key].clone())
    };
    let told = messages(&bundle.report()?);
    assert_eq!(told[0], "http-tunnel");
    assert_eq!((&told[1], &told[2]), (&1.into(), &1.into()));
    let replayed = program::analyze(&[&bundle.pcapng()])?;
    assert_eq!(messages(replayed.value()), told);
    Ok(())
}
