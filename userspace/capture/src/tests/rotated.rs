//! Captures that were rotated into several files, and captures that only look so.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use rtspscope_engine::TapFile;
use rtspscope_wire::{TapId, TapRole};

use super::build::LITTLE;
use super::{Seen, read_named};
use crate::{Host, MergedFiles, NamedFile};

/// Files in a directory of their own, which goes with this.
struct Files {
    directory: PathBuf,
    named: Vec<NamedFile>,
}

impl Files {
    /// Named to the reader in this order.
    fn of(files: &[(&str, Vec<u8>)]) -> Self {
        let mut all = Self {
            directory: directory(),
            named: Vec::new(),
        };
        for (name, bytes) in files {
            all.add(name, bytes, TapRole::Unknown);
        }
        all
    }

    fn add(&mut self, name: &str, bytes: &[u8], role: TapRole) {
        let path = self.directory.join(name);
        fs::write(&path, bytes).unwrap();
        self.named.push(NamedFile {
            path,
            role,
            kept_at: None,
        });
    }

    fn read(&self) -> Seen {
        let mut seen = Seen::default();
        read_named(&self.named, &mut seen).unwrap();
        seen
    }

    /// Names of the taps, and inputs as `tap#number@seconds`.
    fn taps_and_frames(&self) -> (Vec<String>, Vec<String>) {
        let seen = self.read();
        let names = seen.taps.into_iter().map(|tap| tap.name);
        let frames = seen.inputs.iter().map(|input| {
            let frame = input.split(' ').next().unwrap();
            frame.trim_end_matches("000000000").to_owned()
        });
        (names.collect(), frames.collect())
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.directory).unwrap();
    }
}

fn directory() -> PathBuf {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let name = format!("rtspscope-rotated-{}-{number}", std::process::id());
    let directory = std::env::temp_dir().join(name);
    fs::create_dir(&directory).unwrap();
    directory
}

/// A pcap file with a frame at each of these seconds.
fn pcap(link_type: u32, seconds: &[u32]) -> Vec<u8> {
    let mut file = LITTLE.pcap(0xa1b2_c3d4, link_type);
    for second in seconds {
        file.extend(LITTLE.record(*second, 0, &[7; 60]));
    }
    file
}

/// A pcapng file with interfaces of these names, and a frame of an interface at each of these seconds.
fn pcapng(interfaces: &[&str], frames: &[(u32, u64)]) -> Vec<u8> {
    let mut file = LITTLE.section();
    for name in interfaces {
        file.extend(LITTLE.interface(1, &[LITTLE.option(2, name.as_bytes())]));
    }
    for (interface, second) in frames {
        file.extend(LITTLE.enhanced(*interface, second * 1_000_000, &[7; 60], &[]));
    }
    file
}

#[test]
fn files_one_after_the_other_are_one_tap_with_frames_numbered_through() {
    let files = Files::of(&[
        ("cap.pcap2", pcap(1, &[5, 6])),
        ("cap.pcap", pcap(1, &[1, 2])),
        ("cap.pcap1", pcap(1, &[3, 4])),
    ]);
    let (taps, frames) = files.taps_and_frames();
    assert_eq!(taps, ["cap.pcap"]);
    assert_eq!(
        frames,
        ["0#1@1", "0#2@2", "0#3@3", "0#4@4", "0#5@5", "0#6@6"]
    );
    assert_eq!(
        files.read().notes,
        ["goes on in cap.pcap1 to cap.pcap2: the 3 files are read as one capture"]
    );
}

#[test]
fn a_ring_of_files_is_read_in_the_order_of_time() {
    let files = Files::of(&[
        ("cap.pcap00", pcap(1, &[5])),
        ("cap.pcap01", pcap(1, &[1])),
        ("cap.pcap02", pcap(1, &[3])),
    ]);
    let (taps, frames) = files.taps_and_frames();
    assert_eq!(taps, ["cap.pcap01"]);
    assert_eq!(frames, ["0#1@1", "0#2@3", "0#3@5"]);
}

/// Where a file is cut within a microsecond.
#[test]
fn equal_times_go_by_number() {
    let names = ["cap.pcap10", "cap.pcap9", "cap.pcap8"];
    let files = names.map(|name| (name, pcap(1, &[1, 1])));
    let seen = Files::of(&files).read();
    assert_eq!(seen.taps.len(), 1);
    assert_eq!(seen.taps[0].name, "cap.pcap8");
    assert_eq!(
        seen.notes,
        ["goes on in cap.pcap9 to cap.pcap10: the 3 files are read as one capture"]
    );
}

#[test]
fn files_that_overlap_are_different_taps() {
    let files = Files::of(&[
        ("lan1.pcap", pcap(1, &[1, 4])),
        ("lan2.pcap", pcap(1, &[3, 5])),
    ]);
    let (taps, frames) = files.taps_and_frames();
    assert_eq!(taps, ["lan1.pcap", "lan2.pcap"]);
    assert_eq!(frames, ["0#1@1", "1#1@3", "0#2@4", "1#2@5"]);
    assert_eq!(files.read().notes, [""; 0]);
}

#[test]
fn files_of_the_same_seconds_are_different_taps() {
    let files = Files::of(&[
        ("lan1.pcap", pcap(1, &[1, 2])),
        ("lan2.pcap", pcap(1, &[1, 2])),
    ]);
    let (taps, frames) = files.taps_and_frames();
    assert_eq!(taps, ["lan1.pcap", "lan2.pcap"]);
    assert_eq!(frames, ["0#1@1", "1#1@1", "0#2@2", "1#2@2"]);
}

#[test]
fn other_names_and_other_link_types_are_different_taps() {
    for names in [["lan.pcap", "wan.pcap"], ["lan.pcap", "lan1.pcap"]] {
        let files = [(names[0], pcap(1, &[1])), (names[1], pcap(1, &[2]))];
        assert_eq!(Files::of(&files).read().taps.len(), 2, "{names:?}");
    }
    let files = [("cap.pcap", pcap(1, &[1])), ("cap.pcap1", pcap(101, &[2]))];
    assert_eq!(Files::of(&files).read().taps.len(), 2);
    let files = [
        ("cap", pcap(1, &[1])),
        ("cap1", pcapng(&["eth0"], &[(0, 2)])),
    ];
    assert_eq!(Files::of(&files).read().taps.len(), 2);
}

#[test]
fn sides_that_the_user_told_apart_stay_apart() {
    let mut files = Files::of(&[]);
    files.add("cap1.pcap", &pcap(1, &[1]), TapRole::Lan);
    files.add("cap2.pcap", &pcap(1, &[2]), TapRole::Wan);
    let roles: Vec<_> = files.read().taps.iter().map(|tap| tap.role).collect();
    assert_eq!(roles, [TapRole::Lan, TapRole::Wan]);
}

#[test]
fn two_taps_may_be_rotated_each_for_itself() {
    let files = Files::of(&[
        ("eth1-2.pcap", pcap(1, &[6, 8])),
        ("eth0-1.pcap", pcap(1, &[1, 3])),
        ("eth1-1.pcap", pcap(1, &[2, 4])),
        ("eth0-2.pcap", pcap(1, &[5, 7])),
    ]);
    let (taps, frames) = files.taps_and_frames();
    assert_eq!(taps, ["eth0-1.pcap", "eth1-1.pcap"]);
    assert_eq!(
        frames,
        [
            "0#1@1", "1#1@2", "0#2@3", "1#2@4", "0#3@5", "1#3@6", "0#4@7", "1#4@8"
        ]
    );
}

/// The packets of `eth0` are out of order where it was cut, and `eth1` was silent for long.
#[test]
fn a_part_that_overlaps_its_own_capture_goes_on_with_no_other() {
    let files = Files::of(&[
        ("eth0-1.pcap", pcap(1, &[1, 5])),
        ("eth1-1.pcap", pcap(1, &[2])),
        ("eth0-2.pcap", pcap(1, &[4, 6])),
    ]);
    let (taps, _) = files.taps_and_frames();
    assert_eq!(taps, ["eth0-1.pcap", "eth1-1.pcap", "eth0-2.pcap"]);
}

#[test]
fn where_the_name_does_not_tell_whose_part_it_is_a_file_is_a_tap_of_its_own() {
    let files = Files::of(&[
        ("tap1.pcap", pcap(1, &[1, 3])),
        ("tap2.pcap", pcap(1, &[2, 4])),
        ("tap3.pcap", pcap(1, &[5])),
    ]);
    assert_eq!(files.read().taps.len(), 3);
}

#[test]
fn interfaces_go_on_by_number_and_name() {
    let names = [
        "cap_00001_20261127071500.pcapng",
        "cap_00002_20261127072000.pcapng",
    ];
    let both = ["lan0", "wan0"];
    let files = Files::of(&[
        (names[0], pcapng(&both, &[(0, 1), (1, 2)])),
        (names[1], pcapng(&both, &[(1, 3), (0, 4)])),
    ]);
    let (taps, frames) = files.taps_and_frames();
    assert_eq!(taps, ["lan0", "wan0"]);
    assert_eq!(frames, ["0#1@1", "1#2@2", "1#3@3", "0#4@4"]);
    let other = Files::of(&[
        (names[0], pcapng(&["lan0"], &[(0, 1)])),
        (names[1], pcapng(&["wan0"], &[(0, 2)])),
    ]);
    assert_eq!(other.read().taps.len(), 2);
}

#[test]
fn a_file_without_frames_is_no_tap_beside_the_others() {
    let files = Files::of(&[
        ("cap.pcap", pcap(1, &[1])),
        ("cap.pcap1", pcap(1, &[2])),
        ("cap.pcap2", pcap(1, &[])),
    ]);
    let seen = files.read();
    assert_eq!(seen.taps.len(), 1);
    assert_eq!(
        seen.notes,
        [
            "holds no frames: nothing passed while it was recorded, or its filter let nothing through",
            "goes on in cap.pcap1: the 2 files are read as one capture"
        ]
    );
    let mut files = files;
    files.add("cap.pcap3", &pcap(1, &[]), TapRole::Unknown);
    assert_eq!(
        files.read().notes[0],
        "holds no frames, and so does cap.pcap3: nothing passed while they were recorded, or their filter let nothing through"
    );
    let empty = [("cap.pcap", pcap(1, &[])), ("cap.pcap1", pcap(1, &[]))];
    assert_eq!(Files::of(&empty).read().taps.len(), 2);
}

#[test]
fn a_part_that_is_cut_says_so_by_its_own_numbers() {
    let mut cut = pcap(1, &[3, 4]);
    cut.truncate(cut.len() - 5);
    let files = Files::of(&[("cap.pcap", pcap(1, &[1, 2])), ("cap.pcap1", cut)]);
    let seen = files.read();
    assert_eq!(
        seen.inputs,
        [
            "0#1@1000000000 ? 7/60/64",
            "0#2@2000000000 ? 7/60/64",
            "0#3@3000000000 ? 7/60/64",
            "Some(0) FileCut 1"
        ]
    );
    assert_eq!(
        seen.notes[0],
        "ends in the middle of frame 2; what comes before is analyzed (1 frames)"
    );
}

/// Remembers which files the taps' frames come from.
#[derive(Default)]
struct Places {
    taps: u16,
    begun: Vec<String>,
}

impl Host for Places {
    fn open_tap(&mut self, _info: rtspscope_engine::TapInfo) -> TapId {
        self.taps += 1;
        TapId(self.taps - 1)
    }

    fn begin_file(&mut self, tap: TapId, file: TapFile) {
        let name = PathBuf::from(file.source);
        let name = name.file_name().unwrap().to_string_lossy().into_owned();
        let before = file.frames_before;
        self.begun
            .push(format!("{} in {name} from {before}", tap.0));
    }

    fn note(&mut self, _subject: &str, _what: &str) {}
}

#[test]
fn it_is_told_where_the_frames_of_each_tap_are() {
    let files = Files::of(&[
        ("cap1.pcapng", pcapng(&["lan0"], &[(0, 1), (0, 2)])),
        ("cap2.pcapng", pcapng(&["lan0"], &[(0, 3)])),
        ("cap3.pcapng", {
            let mut file = pcapng(&["lan0"], &[(0, 4)]);
            file.extend(LITTLE.interface(1, &[LITTLE.option(2, b"wan0")]));
            file.extend(LITTLE.enhanced(1, 5_000_000, &[7; 60], &[]));
            file
        }),
    ]);
    let mut host = Places::default();
    let mut source = MergedFiles::open(&files.named, &mut host).unwrap();
    while source.next(&mut host).unwrap().is_some() {}
    assert_eq!(
        host.begun,
        [
            "0 in cap2.pcapng from 2",
            "0 in cap3.pcapng from 3",
            "1 in cap3.pcapng from 3"
        ]
    );
}

#[test]
fn hundreds_of_files_take_the_room_of_one() {
    let names: Vec<String> = (0..300)
        .map(|number| format!("cap.pcap{number:03}"))
        .collect();
    let files = names.iter().zip(1..);
    let files: Vec<(&str, Vec<u8>)> = files
        .map(|(name, second)| (name.as_str(), pcap(1, &[second])))
        .collect();
    let files = Files::of(&files);
    let mut host = Places::default();
    let mut source = MergedFiles::open(&files.named, &mut host).unwrap();
    let whole = source.reading().len;
    let room = source.room();
    let mut frames = 0;
    while source.next(&mut host).unwrap().is_some() {
        frames += 1;
        assert_eq!(source.room(), room);
    }
    assert_eq!((host.taps, frames), (1, 300));
    let end = source.reading();
    assert_eq!((end.len, Some(end.read)), (whole, whole));
}

#[test]
fn a_clock_that_was_set_back_in_the_first_file_is_behind_in_the_next_too() {
    let files = Files::of(&[
        ("cap0.pcap", pcap(1, &[100, 130, 90, 140])),
        ("cap1.pcap", pcap(1, &[141, 142])),
    ]);
    let (taps, frames) = files.taps_and_frames();
    assert_eq!(taps.len(), 1, "{taps:?}");
    assert_eq!(
        frames,
        [
            "0#1@100", "0#2@130", "0#3@130", "0#4@180", "0#5@181", "0#6@182"
        ]
    );
}
