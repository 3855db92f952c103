use std::collections::BTreeSet;

use rtspscope_capture::{Host, MergedFiles};
use rtspscope_engine::{Code, Engine, EngineOptions, Input, RouterSetup, TapFile, TapInfo};
use rtspscope_wire::{LinkType, TapId, TapRole, Timestamp};

use super::*;
use crate::output::sample;

/// Captures of the tests of the whole program.
const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/captures/golden");

/// What is found of several sessions that are compared.
const OF_SEVERAL: [Code; 3] = [
    Code::AlgMissedSetup,
    Code::CameraDependent,
    Code::ClientDependent,
];

/// Length of the header of a pcap file, and of that of a record.
const PCAP_HEADER_LEN: usize = 24;
const RECORD_HEADER_LEN: usize = 16;

#[test]
fn a_report_holds_one_session_and_what_was_found_of_it() {
    let mut snapshot = sample::snapshot();
    let mut other = snapshot.sessions[0].clone();
    other.id = 2;
    snapshot.sessions.push(other);
    let only = only(&snapshot, 2).unwrap();
    assert_eq!((only.sessions.len(), only.findings.len()), (1, 0));
    assert_eq!(super::only(&snapshot, 1).unwrap().findings.len(), 1);
    assert!(super::only(&snapshot, 3).is_none());
}

/// Reads captures as the program does.
struct Reader<'e>(&'e mut Engine);

impl Host for Reader<'_> {
    fn open_tap(&mut self, info: TapInfo) -> TapId {
        self.0.add_tap(info)
    }

    fn begin_file(&mut self, tap: TapId, file: TapFile) {
        self.0.begin_file(tap, file);
    }

    fn note(&mut self, _subject: &str, _what: &str) {}
}

fn read(files: &[NamedFile]) -> Snapshot {
    let mut engine = Engine::new(EngineOptions::default());
    let mut source = MergedFiles::open(files, &mut Reader(&mut engine)).unwrap();
    loop {
        let next = source.next(&mut Reader(&mut engine)).unwrap();
        let Some(input) = next else { break };
        engine.handle_input(input);
    }
    engine.finish();
    engine.snapshot()
}

fn file(path: PathBuf, role: TapRole) -> NamedFile {
    NamedFile {
        path,
        role,
        kept_at: None,
    }
}

/// A place for a file of this test; `name` is its own.
fn scratch(name: &str) -> PathBuf {
    let name = format!("rtspscope-save-{}-{name}", std::process::id());
    std::env::temp_dir().join(name)
}

/// The captures of both sides, or of one, by the first word of their names.
fn golden() -> Vec<Vec<NamedFile>> {
    let mut names: Vec<_> = std::fs::read_dir(GOLDEN)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    names.sort();
    let role = |path: &PathBuf| match path.to_str() {
        Some(name) if name.ends_with(".wan.pcap") => TapRole::Wan,
        _ => TapRole::Lan,
    };
    let stem = |path: &PathBuf| path.with_extension("").with_extension("");
    names
        .chunk_by(|one, other| stem(one) == stem(other))
        .map(|files| {
            files
                .iter()
                .map(|path| file(path.clone(), role(path)))
                .collect()
        })
        .collect()
}

/// What a report says of its first session: findings, messages, and media at each tap.
fn told(snapshot: &Snapshot) -> BTreeSet<String> {
    let findings = snapshot.findings.iter();
    // What several sessions say together, one does not.
    let findings = findings.filter(|finding| !OF_SEVERAL.contains(&finding.code));
    let mut all: BTreeSet<String> = findings
        .map(|finding| format!("{:?} of {:?}", finding.code, finding.subject.media))
        .collect();
    let session = &snapshot.sessions[0];
    all.insert(format!("{:?} {:?}", session.transport, session.state));
    for leg in &session.legs {
        let exchanges = leg.exchanges.len();
        all.insert(format!("{:?}: {exchanges} exchanges", leg.tap));
    }
    for (number, medium) in session.media.iter().enumerate() {
        for arrival in &medium.arrivals {
            let sent = arrival.from_client.iter().map(|sent| sent.packets);
            all.insert(format!(
                "medium {number} at {:?}: {} of RTP, {:?} lost, {} of RTCP, {:?} from the client, {} refused, {:?}, {:?}",
                arrival.tap,
                arrival.rtp.packets,
                arrival.rtp.lost,
                arrival.rtcp.packets,
                sent.collect::<Vec<_>>(),
                arrival.refused.len(),
                arrival.fragmented.begun,
                arrival.membership.as_ref().map(|told| told.joins.len()),
            ));
        }
    }
    all
}

/// Saves each session of some captures, and holds what its file says against what they say of it.
fn assert_saved(files: &[NamedFile], name: &str) {
    let snapshot = read(files);
    assert!(!snapshot.sessions.is_empty(), "{files:?}");
    for session in &snapshot.sessions {
        let only = only(&snapshot, session.id).unwrap();
        let path = scratch(&format!("{name}.pcapng"));
        packets::write(&only, &Origin::Files(files.to_vec()), &path).unwrap();
        let again = read(&[file(path.clone(), TapRole::Unknown)]);
        assert_eq!(again.sessions.len(), 1, "{files:?}");
        assert_eq!(told(&again), told(&only), "{files:?}");
        std::fs::remove_file(path).unwrap();
    }
}

#[test]
fn a_saved_session_says_what_the_captures_say_of_it() {
    for files in golden() {
        assert_saved(&files, "golden");
    }
}

/// The records of a pcap file with times in microseconds, with when each was.
fn records(capture: &[u8]) -> Vec<([u32; 2], &[u8])> {
    let mut rest = &capture[PCAP_HEADER_LEN..];
    let mut all = Vec::new();
    while !rest.is_empty() {
        let word = |at: usize| u32::from_le_bytes(rest[at..at + 4].try_into().unwrap());
        let (record, after) = rest.split_at(RECORD_HEADER_LEN + word(8) as usize);
        all.push(([word(0), word(4)], record));
        rest = after;
    }
    all
}

/// The bytes of a pcap file with these records behind the header of another.
fn capture_of<'a>(like: &'a [u8], records: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    let all: Vec<&[u8]> = std::iter::once(&like[..PCAP_HEADER_LEN])
        .chain(records)
        .collect();
    all.concat()
}

/// One side of all captures that have both, as one capture.
fn side(role: TapRole) -> NamedFile {
    let files = golden().into_iter().filter(|files| files.len() == 2);
    let sides = files.flatten().filter(|file| file.role == role);
    let captures: Vec<_> = sides
        .map(|file| std::fs::read(file.path).unwrap())
        .collect();
    let header = &captures[0][..PCAP_HEADER_LEN];
    let alike = captures
        .iter()
        .filter(|capture| capture.starts_with(header));
    let mut all: Vec<_> = alike.flat_map(|capture| records(capture)).collect();
    all.sort_by_key(|(at, _)| *at);
    let capture = capture_of(header, all.into_iter().map(|(_, record)| record));
    let path = scratch(&format!("{role:?}.pcap"));
    std::fs::write(&path, capture).unwrap();
    file(path, role)
}

/// Sessions that follow each other between the same hosts have the same ports time and again.
#[test]
fn a_session_is_saved_without_others_that_had_its_ports() {
    let sides = [TapRole::Lan, TapRole::Wan].map(side);
    assert!(read(&sides).sessions.len() > 10);
    assert_saved(&sides, "sides");
    for side in sides {
        std::fs::remove_file(side.path).unwrap();
    }
}

/// Else media that never came before the end of one tap would be said to have been missing there.
#[test]
fn a_tap_that_ended_early_has_ended_early_in_what_is_saved_too() {
    let [lan, wan] = over_udp();
    let capture = std::fs::read(&lan.path).unwrap();
    let count = records(&capture).len();
    for eighths in 1..8 {
        let all = records(&capture).into_iter().take(count * eighths / 8);
        let cut = capture_of(&capture, all.map(|(_, record)| record));
        let path = scratch("cut.pcap");
        std::fs::write(&path, cut).unwrap();
        assert_saved(&[file(path.clone(), TapRole::Lan), wan.clone()], "cut");
        std::fs::remove_file(path).unwrap();
    }
}

/// Both sides of a session over UDP.
fn over_udp() -> [NamedFile; 2] {
    let both = golden()
        .into_iter()
        .find(|files| files[0].path.ends_with("A-vlc-ffmpeg-udp.lan.pcap"));
    both.unwrap().try_into().unwrap()
}

/// The same record in two fragments where it is an Ethernet frame with a datagram of over 400 bytes without IP options, the
/// last one first; else as it is.
fn in_fragments(record: &[u8], id: u16) -> Vec<Vec<u8>> {
    const IP: usize = RECORD_HEADER_LEN + 14;
    const FIRST_LEN: usize = 200;
    const UDP: u8 = 17;
    const MORE: u16 = 0x2000;
    let is_long = record.len() > IP + 400 && record[IP..].starts_with(&[0x45]);
    if !is_long || record[IP + 9] != UDP {
        return vec![record.to_vec()];
    }
    let (header, payload) = record.split_at(IP + 20);
    let (first, second) = payload.split_at(FIRST_LEN);
    let piece = |payload: &[u8], place: u16| {
        let mut piece = [header, payload].concat();
        let len = u32::try_from(piece.len() - RECORD_HEADER_LEN).unwrap();
        piece[8..12].copy_from_slice(&len.to_le_bytes());
        piece[12..16].copy_from_slice(&len.to_le_bytes());
        let len = u16::try_from(20 + payload.len()).unwrap();
        piece[IP + 2..IP + 4].copy_from_slice(&len.to_be_bytes());
        piece[IP + 4..IP + 6].copy_from_slice(&id.to_be_bytes());
        piece[IP + 6..IP + 8].copy_from_slice(&place.to_be_bytes());
        piece
    };
    vec![piece(second, FIRST_LEN as u16 / 8), piece(first, MORE)]
}

#[test]
fn a_datagram_is_saved_with_all_its_fragments() {
    let [lan, wan] = over_udp();
    let pieces = [lan, wan].map(|whole| {
        let capture = std::fs::read(&whole.path).unwrap();
        let all: Vec<_> = records(&capture)
            .into_iter()
            .zip(0..)
            .flat_map(|((_, record), id)| in_fragments(record, id))
            .collect();
        let path = scratch(&format!("pieces-{:?}.pcap", whole.role));
        std::fs::write(&path, capture_of(&capture, all.iter().map(Vec::as_slice))).unwrap();
        file(path, whole.role)
    });
    let snapshot = read(&pieces);
    let arrivals = snapshot.sessions[0]
        .media
        .iter()
        .flat_map(|medium| &medium.arrivals);
    assert!(
        arrivals
            .map(|arrival| arrival.fragmented.whole)
            .sum::<u64>()
            > 10
    );
    assert_saved(&pieces, "pieces");
    for file in pieces {
        std::fs::remove_file(file.path).unwrap();
    }
}

fn setups(file: &NamedFile) -> Vec<RouterSetup> {
    let mut engine = Engine::new(EngineOptions::default());
    let mut source =
        MergedFiles::open(std::slice::from_ref(file), &mut Reader(&mut engine)).unwrap();
    let mut found = Vec::new();
    while let Some(input) = source.next(&mut Reader(&mut engine)).unwrap() {
        if let Input::RouterSetup(setup) = input {
            found.push(setup.clone());
        }
    }
    found
}

/// From what was kept of a run, and from a recording.
#[test]
fn what_is_saved_of_a_session_has_the_routers_setup() {
    let setup = RouterSetup {
        at: Timestamp(1_700_000_000_000_000_000),
        udp_timeout_secs: Some(30),
        ..RouterSetup::default()
    };
    let mut kept = Kept::default();
    kept.open_tap(&TapInfo {
        name: "lan0".to_owned(),
        role: TapRole::Lan,
        source: "ebpf:lan0".to_owned(),
        link_type: Some(LinkType::ETHERNET),
        unfiltered: true,
    });
    kept.take(&Input::RouterSetup(&setup));
    let [run, again] =
        ["run.pcapng", "again.pcapng"].map(|name| file(scratch(name), TapRole::Unknown));
    let only = Snapshot::default();
    let of_run = Origin::Kept(Arc::new(Mutex::new(kept)));
    packets::write(&only, &of_run, &run.path).unwrap();
    packets::write(&only, &Origin::Files(vec![run.clone()]), &again.path).unwrap();
    for file in [run, again] {
        assert_eq!(setups(&file), std::slice::from_ref(&setup));
        std::fs::remove_file(file.path).unwrap();
    }
}
