//! Golden captures whose packets are fragmented, or cut by a snapshot length, tell the same as whole ones.

use std::io;
use std::{env, fs, process};

use rtspscope_tests::pcap::{ByteOrder, Capture, Record, Resolution};
use rtspscope_tests::program;
use rtspscope_tests::report::Report;
use serde_json::{Value, json};

const ETHERNET_LEN: usize = 14;
const IP_LEN: usize = 20;
const UDP: u8 = 17;

/// Payload of each fragment, in bytes.
const PIECE_LEN: usize = 200;

fn golden(leg: &str) -> io::Result<Capture> {
    let name = format!("/captures/golden/A-gst-ffmpeg-udp.{leg}.pcap");
    Capture::read(&fs::read(env!("CARGO_MANIFEST_DIR").to_owned() + &name)?)
}

fn analyze(name: &str, lan: &Capture, wan: &Capture) -> io::Result<Report> {
    let place = |leg: &str, capture: &Capture| {
        let name = format!("rtspscope-fragments-{}-{name}-{leg}.pcap", process::id());
        let path = env::temp_dir().join(name);
        fs::write(&path, capture.write(ByteOrder::Little, Resolution::Micros))?;
        Ok::<_, io::Error>(path)
    };
    let (lan, wan) = (place("lan", lan)?, place("wan", wan)?);
    let paths = [lan.display().to_string(), wan.display().to_string()];
    let report = program::analyze(&["--lan", &paths[0], "--wan", &paths[1]]);
    fs::remove_file(lan)?;
    fs::remove_file(wan)?;
    report
}

/// What does not depend on names and frame numbers.
fn essence(report: &Report) -> Value {
    let session = &report.sessions()[0];
    let arrivals: Vec<Value> = session["media"][0]["arrivals"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|at| {
            let rtp = &at["rtp"];
            json!([
                rtp["packets"],
                rtp["bytes"],
                rtp["lost"],
                rtp["duplicates"],
                at["rtcp"]["packets"]
            ])
        })
        .collect();
    json!([
        session["requests"],
        session["responses"],
        session["state"],
        arrivals
    ])
}

fn is_ip(record: &Record) -> bool {
    record.bytes.get(12..14) == Some(&[8, 0]) && record.bytes.get(14) == Some(&0x45)
}

/// The packet in pieces; as it is if one piece holds it.
fn fragmented(record: &Record, id: u16) -> Vec<Record> {
    let total = record
        .bytes
        .get(16..18)
        .map_or(0, |len| usize::from(u16::from_be_bytes([len[0], len[1]])));
    if !is_ip(record) || total <= IP_LEN + PIECE_LEN {
        return vec![record.clone()];
    }
    let (head, rest) = record.bytes.split_at(ETHERNET_LEN + IP_LEN);
    let payload = &rest[..total - IP_LEN];
    let count = payload.len().div_ceil(PIECE_LEN);
    let piece = |(at, bytes): (usize, &[u8])| {
        let mut data = head.to_vec();
        let more = u16::from(at + 1 < count) << 13;
        let place = more | (at * PIECE_LEN / 8) as u16;
        data[16..18].copy_from_slice(&((IP_LEN + bytes.len()) as u16).to_be_bytes());
        data[18..20].copy_from_slice(&id.to_be_bytes());
        data[20..22].copy_from_slice(&place.to_be_bytes());
        data.extend_from_slice(bytes);
        Record {
            original_len: data.len() as u32,
            bytes: data,
            ..*record
        }
    };
    payload.chunks(PIECE_LEN).enumerate().map(piece).collect()
}

fn in_fragments(capture: &Capture) -> Capture {
    let records = (0..)
        .zip(&capture.records)
        .flat_map(|(id, record)| fragmented(record, id));
    Capture {
        link_type: capture.link_type,
        records: records.collect(),
    }
}

/// Place in the file of the last fragment of the nth fragmented datagram.
fn last_piece(capture: &Capture, n: usize) -> usize {
    let is_last = |record: &Record| {
        let place = u16::from_be_bytes([record.bytes[20], record.bytes[21]]);
        is_ip(record) && record.bytes[23] == UDP && place & 0x2000 == 0 && place & 0x1fff != 0
    };
    let found = capture
        .records
        .iter()
        .enumerate()
        .filter(|(_, record)| is_last(record))
        .nth(n);
    found.map_or(0, |(at, _)| at)
}

#[test]
fn messages_and_media_in_fragments_are_read_as_whole_ones() -> io::Result<()> {
    let (lan, wan) = (golden("lan")?, golden("wan")?);
    let whole = analyze("whole", &lan, &wan)?;
    let (lan, wan) = (in_fragments(&lan), in_fragments(&wan));
    let pieces = analyze("pieces", &lan, &wan)?;
    assert_eq!(essence(&pieces), essence(&whole));
    assert_eq!(pieces.codes(), whole.codes());
    Ok(())
}

#[test]
fn a_datagram_whose_last_fragment_is_lost_is_a_lost_packet() -> io::Result<()> {
    let (mut lan, wan) = (in_fragments(&golden("lan")?), in_fragments(&golden("wan")?));
    lan.records.remove(last_piece(&lan, 20));
    let report = analyze("lost", &lan, &wan)?;
    let arrivals = &report.sessions()[0]["media"][0]["arrivals"];
    let counts = |at: usize| {
        (
            arrivals[at]["rtp"]["packets"].as_u64(),
            arrivals[at]["rtp"]["lost"].as_u64(),
        )
    };
    assert_eq!(
        (counts(0), counts(1)),
        ((Some(175), Some(1)), (Some(176), Some(0)))
    );
    assert!(report.codes().contains("capture-incomplete"));
    Ok(())
}

#[test]
fn media_cut_by_a_snapshot_length_are_counted_exactly() -> io::Result<()> {
    let whole = analyze("uncut", &golden("lan")?, &golden("wan")?)?;
    let cut = |leg| -> io::Result<Capture> {
        let mut capture = golden(leg)?;
        for record in &mut capture.records {
            if is_ip(record) && record.bytes[23] == UDP {
                // The headers of Ethernet, IPv4, UDP and RTP.
                record.bytes.truncate(14 + 20 + 8 + 12);
            }
        }
        Ok(capture)
    };
    let report = analyze("cut", &cut("lan")?, &cut("wan")?)?;
    assert_eq!(essence(&report), essence(&whole));
    Ok(())
}
