//! Captures built byte by byte: every format, byte order and way to end.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use rtspscope_engine::{CaptureLoss, Input, TapInfo};
use rtspscope_wire::{Direction, LinkType, TapId, TapRole, Timestamp};

use super::{Host, MergedFiles, NamedFile};
use crate::failure::Failure;

/// Remembers what the source opened and said.
#[derive(Debug, Default)]
struct Seen {
    taps: Vec<TapInfo>,
    notes: Vec<String>,
    inputs: Vec<String>,
}

impl Host for Seen {
    fn open_tap(&mut self, info: TapInfo) -> TapId {
        self.taps.push(info);
        TapId(self.taps.len() as u16 - 1)
    }

    fn note(&mut self, _subject: &str, what: &str) {
        self.notes.push(what.to_owned());
    }
}

fn place(bytes: &[u8]) -> PathBuf {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let path = std::env::temp_dir().join(format!("rtspscope-source-{}-{number}", std::process::id()));
    fs::write(&path, bytes).unwrap();
    path
}

fn read(files: &[(&[u8], TapRole)]) -> Result<Seen, Failure> {
    let named: Vec<NamedFile> =
        files.iter().map(|(bytes, role)| NamedFile { path: place(bytes), role: *role }).collect();
    let mut seen = Seen::default();
    let result = read_named(&named, &mut seen);
    for file in &named {
        fs::remove_file(&file.path).unwrap();
    }
    result.map(|()| seen)
}

fn read_named(named: &[NamedFile], seen: &mut Seen) -> Result<(), Failure> {
    let mut source = MergedFiles::open(named, seen)?;
    while let Some(input) = source.next(seen)? {
        let line = told(&input);
        seen.inputs.push(line);
    }
    Ok(())
}

/// An input in a few words: frames as `tap#number@time+direction:first byte/captured/original`.
fn told(input: &Input<'_>) -> String {
    match input {
        Input::Frame(frame) => {
            let way = match frame.direction {
                Direction::Ingress => "in",
                Direction::Egress => "out",
                Direction::Unknown => "?",
            };
            let (first, len) = (frame.bytes.first().copied().unwrap_or_default(), frame.bytes.len());
            format!("{}#{}@{} {way} {first}/{len}/{}", frame.tap.0, frame.number, frame.at.0, frame.original_len)
        }
        Input::CaptureLoss(CaptureLoss { tap, kind, count }) => format!("{:?} {kind:?} {count}", tap.map(|tap| tap.0)),
        Input::FlowCounters(counters) => format!("counters {} → {}", counters.from, counters.to),
        Input::Tick(at) => format!("tick {}", at.0),
    }
}

fn one(bytes: &[u8]) -> Seen {
    read(&[(bytes, TapRole::Unknown)]).unwrap()
}

fn refusal(bytes: &[u8]) -> String {
    let error = read(&[(bytes, TapRole::Unknown)]).unwrap_err().to_string();
    error.split_once(": ").unwrap().1.to_owned()
}

/// Writes numbers in one byte order.
#[derive(Clone, Copy)]
struct Order {
    big: bool,
}

const LITTLE: Order = Order { big: false };
const BIG: Order = Order { big: true };

impl Order {
    fn u16(self, value: u16) -> Vec<u8> {
        if self.big { value.to_be_bytes().to_vec() } else { value.to_le_bytes().to_vec() }
    }

    fn u32(self, value: u32) -> Vec<u8> {
        if self.big { value.to_be_bytes().to_vec() } else { value.to_le_bytes().to_vec() }
    }

    fn u64(self, value: u64) -> Vec<u8> {
        if self.big { value.to_be_bytes().to_vec() } else { value.to_le_bytes().to_vec() }
    }

    fn pcap(self, magic: u32, link_type: u32) -> Vec<u8> {
        [self.u32(magic), self.u16(2), self.u16(4), self.u32(0), self.u32(0), self.u32(65_535), self.u32(link_type)].concat()
    }

    fn record(self, secs: u32, fraction: u32, bytes: &[u8]) -> Vec<u8> {
        let len = bytes.len() as u32;
        [self.u32(secs), self.u32(fraction), self.u32(len), self.u32(len + 4), bytes.to_vec()].concat()
    }

    fn block(self, kind: u32, body: &[u8]) -> Vec<u8> {
        let padding = vec![0; body.len().next_multiple_of(4) - body.len()];
        let len = (body.len() + padding.len() + 12) as u32;
        [self.u32(kind), self.u32(len), body.to_vec(), padding, self.u32(len)].concat()
    }

    fn section(self) -> Vec<u8> {
        self.block(0x0a0d_0d0a, &[self.u32(0x1a2b_3c4d), self.u16(1), self.u16(0), self.u64(u64::MAX)].concat())
    }

    fn option(self, code: u16, value: &[u8]) -> Vec<u8> {
        let padding = vec![0; value.len().next_multiple_of(4) - value.len()];
        [self.u16(code), self.u16(value.len() as u16), value.to_vec(), padding].concat()
    }

    fn interface(self, link_type: u16, options: &[Vec<u8>]) -> Vec<u8> {
        self.block(1, &[self.u16(link_type), self.u16(0), self.u32(0), options.concat()].concat())
    }

    fn enhanced(self, interface: u32, ticks: u64, bytes: &[u8], options: &[Vec<u8>]) -> Vec<u8> {
        let padding = vec![0; bytes.len().next_multiple_of(4) - bytes.len()];
        let (high, low) = (self.u32((ticks >> 32) as u32), self.u32(ticks as u32));
        let len = self.u32(bytes.len() as u32);
        self.block(6, &[self.u32(interface), high, low, len.clone(), len, bytes.to_vec(), padding, options.concat()].concat())
    }

    fn statistics(self, interface: u32, dropped: u64) -> Vec<u8> {
        self.block(5, &[self.u32(interface), self.u32(0), self.u32(0), self.option(5, &self.u64(dropped))].concat())
    }
}

#[test]
fn pcap_is_read_in_both_byte_orders_and_resolutions() {
    for order in [LITTLE, BIG] {
        let micro = [order.pcap(0xa1b2_c3d4, 1), order.record(7, 5, &[9; 3])].concat();
        assert_eq!(one(&micro).inputs, ["0#1@7000005000 ? 9/3/7"]);
        let nano = [order.pcap(0xa1b2_3c4d, 1), order.record(7, 5, &[9; 3]), order.record(8, 0, &[])].concat();
        assert_eq!(one(&nano).inputs, ["0#1@7000000005 ? 9/3/7", "0#2@8000000000 ? 0/0/4"]);
    }
}

#[test]
fn the_frame_check_sequence_bits_do_not_change_the_link_type() {
    let seen = one(&LITTLE.pcap(0xa1b2_c3d4, 0x5400_0001));
    assert_eq!(seen.taps[0].link_type, Some(LinkType::ETHERNET));
    assert_eq!(one(&LITTLE.pcap(0xa1b2_c3d4, 12)).taps[0].link_type, Some(LinkType::RAW));
}

#[test]
fn pcapng_interfaces_are_taps_and_frames_count_over_the_file() {
    for order in [LITTLE, BIG] {
        let nanoseconds = order.option(9, &[9]);
        let file = [
            order.section(),
            order.interface(1, &[order.option(2, b"lan0"), nanoseconds.clone()]),
            order.interface(113, &[order.option(2, b"wan0")]),
            order.enhanced(0, 5_000_000_000, &[1; 5], &[order.option(2, &order.u32(1))]),
            order.block(0xbad, &[order.u32(4711), b"someone else's".to_vec()].concat()),
            order.enhanced(1, 5_000_001, &[2; 6], &[order.option(1, b"a comment"), order.option(2, &order.u32(2))]),
            order.enhanced(0, 5_000_002_000, &[3; 7], &[]),
        ]
        .concat();
        let seen = one(&file);
        assert_eq!(seen.inputs, ["0#1@5000000000 in 1/5/5", "1#2@5000001000 out 2/6/6", "0#3@5000002000 ? 3/7/7"]);
        let names: Vec<_> = seen.taps.iter().map(|tap| (tap.name.as_str(), tap.link_type.map(|link| link.0))).collect();
        assert_eq!(names, [("lan0", Some(1)), ("wan0", Some(113))]);
    }
}

#[test]
fn drops_are_told_once() {
    let file = [
        LITTLE.section(),
        LITTLE.interface(1, &[]),
        LITTLE.statistics(0, 3),
        LITTLE.statistics(0, 5),
        LITTLE.statistics(0, 5),
    ]
    .concat();
    assert_eq!(one(&file).inputs, ["Some(0) DroppedByCapture 3", "Some(0) DroppedByCapture 2"]);
}

#[test]
fn an_interface_that_a_later_section_describes_again_is_the_same_tap() {
    let section = |ticks| {
        let name = LITTLE.option(2, b"eth0");
        [LITTLE.section(), LITTLE.interface(1, &[name]), LITTLE.enhanced(0, ticks, &[1; 4], &[])].concat()
    };
    let seen = one(&[section(1), section(2)].concat());
    assert_eq!(seen.taps.len(), 1);
    assert_eq!(seen.inputs, ["0#1@1000 ? 1/4/4", "0#2@2000 ? 1/4/4"]);
}

#[test]
fn a_section_may_have_the_other_byte_order() {
    let section = |order: Order| [order.section(), order.interface(1, &[]), order.enhanced(0, 4, &[1; 4], &[])].concat();
    let seen = one(&[section(BIG), section(LITTLE)].concat());
    assert_eq!(seen.inputs, ["0#1@4000 ? 1/4/4", "0#2@4000 ? 1/4/4"]);
}

#[test]
fn simple_and_obsolete_packets_are_frames_too() {
    let obsolete = [
        LITTLE.u16(0),
        LITTLE.u16(0),
        LITTLE.u32(0),
        LITTLE.u32(9),
        LITTLE.u32(4),
        LITTLE.u32(60),
        vec![7; 4],
    ]
    .concat();
    let file = [
        LITTLE.section(),
        LITTLE.interface(1, &[]),
        LITTLE.block(2, &obsolete),
        LITTLE.block(3, &[LITTLE.u32(5), vec![8; 5]].concat()),
    ]
    .concat();
    assert_eq!(one(&file).inputs, ["0#1@9000 ? 7/4/60", "0#2@9000 ? 8/5/5"]);
}

#[test]
fn several_files_come_in_the_order_of_time() {
    let lan = [LITTLE.pcap(0xa1b2_c3d4, 1), LITTLE.record(1, 0, &[1]), LITTLE.record(4, 0, &[4])].concat();
    let wan = [BIG.pcap(0xa1b2_3c4d, 1), BIG.record(2, 0, &[2]), BIG.record(3, 0, &[3])].concat();
    let seen = read(&[(&lan, TapRole::Lan), (&wan, TapRole::Wan)]).unwrap();
    assert_eq!(
        seen.inputs,
        ["0#1@1000000000 ? 1/1/5", "1#1@2000000000 ? 2/1/5", "1#2@3000000000 ? 3/1/5", "0#2@4000000000 ? 4/1/5"]
    );
    assert_eq!(seen.taps.iter().map(|tap| tap.role).collect::<Vec<_>>(), [TapRole::Lan, TapRole::Wan]);
}

#[test]
fn a_capture_cut_anywhere_is_read_up_to_the_cut() {
    let pcap = [LITTLE.pcap(0xa1b2_c3d4, 1), LITTLE.record(1, 0, &[1; 20]), LITTLE.record(2, 0, &[2; 20])].concat();
    let blocks = [LITTLE.enhanced(0, 1_000_000, &[1; 20], &[]), LITTLE.enhanced(0, 2_000_000, &[2; 20], &[])];
    let pcapng = [LITTLE.section(), LITTLE.interface(1, &[]), blocks.concat()].concat();
    for (file, head, record) in [(&pcap, 24, 36), (&pcapng, 48, 52)] {
        for cut in head + 1..file.len() {
            let whole = (cut - head) / record;
            let seen = one(&file[..cut]);
            let frames = seen.inputs.iter().filter(|input| input.starts_with("0#")).count();
            let told = seen.inputs.iter().filter(|input| *input == "Some(0) FileCut 1").count();
            let in_the_middle = usize::from((cut - head) % record != 0);
            assert_eq!((frames, told, seen.notes.len()), (whole, in_the_middle, in_the_middle), "cut at {cut}");
        }
    }
}

#[test]
fn what_is_no_capture_is_refused_with_a_reason() {
    let header = LITTLE.pcap(0xa1b2_c3d4, 1);
    assert_eq!(refusal(b""), "is empty: record it again; tcpdump -U writes each packet at once");
    assert!(refusal(b"The camera is in the hall.\n").starts_with("is not a capture file: "));
    assert!(refusal(b"x").starts_with("is not a capture file: "));
    assert!(refusal(&header[..23]).starts_with("ends in the file header, before any packet: "));
    assert!(refusal(&LITTLE.section()[..10]).starts_with("ends in the file header, before any packet: "));
    assert_eq!(refusal(&[0x1f, 0x8b, 8, 0, 0]), "is compressed with gzip: unpack it first: gzip -d");
}

#[test]
fn lengths_that_cannot_be_end_the_reading() {
    let mut huge = [LITTLE.pcap(0xa1b2_c3d4, 1), LITTLE.record(1, 0, &[1]), LITTLE.record(2, 0, &[2])].concat();
    huge[24 + 17 + 8..24 + 17 + 12].copy_from_slice(&u32::MAX.to_le_bytes());
    let seen = one(&huge);
    assert_eq!(seen.inputs, ["0#1@1000000000 ? 1/1/5", "Some(0) FileCut 1"]);
    assert_eq!(
        seen.notes,
        ["is damaged: the record at byte 41 claims 4294967295 bytes; what comes before is analyzed (1 frames)"]
    );

    let file = [LITTLE.section(), LITTLE.interface(1, &[]), LITTLE.u32(6), LITTLE.u32(3), LITTLE.u32(3)].concat();
    assert_eq!(one(&file).notes, ["is damaged: the block at byte 48 cannot be read; what comes before is analyzed (0 frames)"]);
}

#[test]
fn a_packet_of_an_undescribed_interface_ends_the_reading() {
    let file = [LITTLE.section(), LITTLE.interface(1, &[]), LITTLE.enhanced(7, 1, &[1], &[])].concat();
    assert_eq!(one(&file).inputs, ["Some(0) FileCut 1"]);
}

#[test]
fn unreadable_link_types_are_named_once() {
    let file = [LITTLE.pcap(0xa1b2_c3d4, 127), LITTLE.record(1, 0, &[1]), LITTLE.record(2, 0, &[2])].concat();
    let seen = one(&file);
    assert_eq!(seen.inputs, ["0#1@1000000000 ? 1/1/5", "0#2@2000000000 ? 2/1/5"]);
    assert_eq!(
        seen.notes,
        ["frames of link type 127 (IEEE 802.11 with radiotap header) cannot be read: capture on an Ethernet or IP interface"]
    );
}

#[test]
fn a_capture_named_twice_is_refused() {
    let path = place(&LITTLE.pcap(0xa1b2_c3d4, 1));
    let file = NamedFile { path: path.clone(), role: TapRole::Lan };
    let error = MergedFiles::open(&[file.clone(), file], &mut Seen::default()).unwrap_err();
    fs::remove_file(path).unwrap();
    assert!(error.to_string().contains("is named twice"));
}

#[test]
fn frames_larger_than_the_buffer_are_whole() {
    let file = [LITTLE.pcap(0xa1b2_c3d4, 1), LITTLE.record(1, 0, &vec![1; 300_000]), LITTLE.record(2, 0, &[2; 9])].concat();
    assert_eq!(one(&file).inputs, ["0#1@1000000000 ? 1/300000/300004", "0#2@2000000000 ? 2/9/13"]);
}

#[test]
fn timestamps_are_those_of_the_file() {
    let at = Timestamp(1_700_000_000_123_456_000);
    let file = [LITTLE.pcap(0xa1b2_c3d4, 1), LITTLE.record(1_700_000_000, 123_456, &[1])].concat();
    assert_eq!(one(&file).inputs, [format!("0#1@{} ? 1/1/5", at.0)]);
}
