//! Captures built byte by byte: every format, byte order and way to end.

mod build;
mod clocks;
mod compressed;
mod cooked;
mod endings;
mod rotated;

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use rtspscope_engine::{CaptureLoss, Input, TapInfo};
use rtspscope_wire::{Direction, LinkType, TapId, TapRole, Timestamp};

use self::build::{BIG, LITTLE, Order};
use super::{Host, MergedFiles, NamedFile};
use crate::failure::Failure;

/// Remembers what the source opened and said.
#[derive(Debug, Default, PartialEq)]
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
    let path =
        std::env::temp_dir().join(format!("rtspscope-source-{}-{number}", std::process::id()));
    fs::write(&path, bytes).unwrap();
    path
}

fn read(files: &[(&[u8], TapRole)]) -> Result<Seen, Failure> {
    let named: Vec<NamedFile> = files
        .iter()
        .map(|(bytes, role)| NamedFile {
            path: place(bytes),
            role: *role,
            kept_at: None,
        })
        .collect();
    let mut seen = Seen::default();
    let result = read_named(&named, &mut seen);
    for file in &named {
        fs::remove_file(&file.path).unwrap();
    }
    result.map(|()| seen)
}

/// Reads files step by step, and again by the short cut where there is one: both must give the same.
fn read_named(named: &[NamedFile], seen: &mut Seen) -> Result<(), Failure> {
    let read = read_by_step(named, seen);
    let mut again = Seen::default();
    let read_again = read_when_ready(named, &mut again);
    assert_eq!(again, *seen);
    assert_eq!(
        read_again.map_err(told_of),
        read.as_ref().copied().map_err(told_of)
    );
    read
}

fn told_of(failure: impl std::fmt::Debug) -> String {
    format!("{failure:?}")
}

fn read_by_step(named: &[NamedFile], seen: &mut Seen) -> Result<(), Failure> {
    let mut source = MergedFiles::open(named, seen)?;
    while let Some(input) = source.next(seen)? {
        let line = told(&input);
        seen.inputs.push(line);
    }
    Ok(())
}

fn read_when_ready(named: &[NamedFile], seen: &mut Seen) -> Result<(), Failure> {
    let mut source = MergedFiles::open(named, seen)?;
    loop {
        if let Some(frame) = source.next_ready() {
            seen.inputs.push(told(&Input::Frame(frame)));
            continue;
        }
        let Some(input) = source.next(seen)? else {
            return Ok(());
        };
        let line = told(&input);
        seen.inputs.push(line);
    }
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
            let (first, len) = (
                frame.bytes.first().copied().unwrap_or_default(),
                frame.bytes.len(),
            );
            format!(
                "{}#{}@{} {way} {first}/{len}/{}",
                frame.tap.0, frame.number, frame.at.0, frame.original_len
            )
        }
        Input::CaptureLoss(CaptureLoss { tap, kind, count }) => {
            format!("{:?} {kind:?} {count}", tap.map(|tap| tap.0))
        }
        Input::Conntrack(told) => {
            format!(
                "netfilter#{}@{} {:?} {}",
                told.number,
                told.at.0,
                told.event.change,
                told.raw.len()
            )
        }
        Input::FlowCounters(counters) => format!("counters {} → {}", counters.from, counters.to),
        Input::RouterSetup(setup) => format!("{setup:?}"),
        Input::Handover(handover) => format!("handover {} → {}", handover.from, handover.to),
        Input::ChannelCounters(counters) => format!("channel {}", counters.channel),
        Input::Pictures(totals) => format!("pictures {}", totals.ssrc),
        Input::ChannelTotals(totals) => format!("totals {}", totals.counted.channel),
        Input::ChannelReport(report) => format!("report {report:?}"),
        Input::Blind(tap, blind) => format!("blind {} {:?}", tap.0, blind),
        Input::Tick(at) => format!("tick {}", at.0),
        Input::Watched(until) => format!("watched {}", until.0),
    }
}

fn one(bytes: &[u8]) -> Seen {
    read(&[(bytes, TapRole::Unknown)]).unwrap()
}

fn refusal(bytes: &[u8]) -> String {
    let error = read(&[(bytes, TapRole::Unknown)]).unwrap_err().to_string();
    error.split_once(": ").unwrap().1.to_owned()
}

#[test]
fn pcap_is_read_in_both_byte_orders_and_resolutions() {
    for order in [LITTLE, BIG] {
        let micro = [order.pcap(0xa1b2_c3d4, 1), order.record(7, 5, &[9; 3])].concat();
        assert_eq!(one(&micro).inputs, ["0#1@7000005000 ? 9/3/7"]);
        let nano = [
            order.pcap(0xa1b2_3c4d, 1),
            order.record(7, 5, &[9; 3]),
            order.record(8, 0, &[]),
        ]
        .concat();
        assert_eq!(
            one(&nano).inputs,
            ["0#1@7000000005 ? 9/3/7", "0#2@8000000000 ? 0/0/4"]
        );
    }
}

#[test]
fn the_frame_check_sequence_bits_do_not_change_the_link_type() {
    let seen = one(&LITTLE.pcap(0xa1b2_c3d4, 0x5400_0001));
    assert_eq!(seen.taps[0].link_type, Some(LinkType::ETHERNET));
    assert_eq!(
        one(&LITTLE.pcap(0xa1b2_c3d4, 12)).taps[0].link_type,
        Some(LinkType::RAW)
    );
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
            order.block(
                0xbad,
                &[order.u32(4711), b"someone else's".to_vec()].concat(),
            ),
            order.enhanced(
                1,
                5_000_001,
                &[2; 6],
                &[
                    order.option(1, b"a comment"),
                    order.option(2, &order.u32(2)),
                ],
            ),
            order.enhanced(0, 5_000_002_000, &[3; 7], &[]),
        ]
        .concat();
        let seen = one(&file);
        assert_eq!(
            seen.inputs,
            [
                "0#1@5000000000 in 1/5/5",
                "1#2@5000001000 out 2/6/6",
                "0#3@5000002000 ? 3/7/7"
            ]
        );
        let names: Vec<_> = seen
            .taps
            .iter()
            .map(|tap| (tap.name.as_str(), tap.link_type.map(|link| link.0)))
            .collect();
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
    assert_eq!(
        one(&file).inputs,
        ["Some(0) DroppedByCapture 3", "Some(0) DroppedByCapture 2"]
    );
}

#[test]
fn an_interface_that_a_later_section_describes_again_is_the_same_tap() {
    let section = |ticks| {
        let name = LITTLE.option(2, b"eth0");
        [
            LITTLE.section(),
            LITTLE.interface(1, &[name]),
            LITTLE.enhanced(0, ticks, &[1; 4], &[]),
        ]
        .concat()
    };
    let seen = one(&[section(1), section(2)].concat());
    assert_eq!(seen.taps.len(), 1);
    assert_eq!(seen.inputs, ["0#1@1000 ? 1/4/4", "0#2@2000 ? 1/4/4"]);
}

#[test]
fn a_section_may_have_the_other_byte_order() {
    let section = |order: Order| {
        [
            order.section(),
            order.interface(1, &[]),
            order.enhanced(0, 4, &[1; 4], &[]),
        ]
        .concat()
    };
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
    let lan = [
        LITTLE.pcap(0xa1b2_c3d4, 1),
        LITTLE.record(1, 0, &[1]),
        LITTLE.record(4, 0, &[4]),
    ]
    .concat();
    let wan = [
        BIG.pcap(0xa1b2_3c4d, 1),
        BIG.record(2, 0, &[2]),
        BIG.record(3, 0, &[3]),
    ]
    .concat();
    let seen = read(&[(&lan, TapRole::Lan), (&wan, TapRole::Wan)]).unwrap();
    assert_eq!(
        seen.inputs,
        [
            "0#1@1000000000 ? 1/1/5",
            "1#1@2000000000 ? 2/1/5",
            "1#2@3000000000 ? 3/1/5",
            "0#2@4000000000 ? 4/1/5"
        ]
    );
    assert_eq!(
        seen.taps.iter().map(|tap| tap.role).collect::<Vec<_>>(),
        [TapRole::Lan, TapRole::Wan]
    );
}

#[test]
fn a_capture_named_twice_is_refused() {
    let path = place(&LITTLE.pcap(0xa1b2_c3d4, 1));
    let file = NamedFile {
        path: path.clone(),
        role: TapRole::Lan,
        kept_at: None,
    };
    let error = MergedFiles::open(&[file.clone(), file], &mut Seen::default()).unwrap_err();
    fs::remove_file(path).unwrap();
    assert!(error.to_string().contains("is named twice"));
}

#[test]
fn frames_larger_than_the_buffer_are_whole() {
    let file = [
        LITTLE.pcap(0xa1b2_c3d4, 1),
        LITTLE.record(1, 0, &vec![1; 300_000]),
        LITTLE.record(2, 0, &[2; 9]),
    ]
    .concat();
    assert_eq!(
        one(&file).inputs,
        [
            "0#1@1000000000 ? 1/300000/300004",
            "0#2@2000000000 ? 2/9/13"
        ]
    );
}

#[test]
fn timestamps_are_those_of_the_file() {
    let at = Timestamp(1_700_000_000_123_456_000);
    let file = [
        LITTLE.pcap(0xa1b2_c3d4, 1),
        LITTLE.record(1_700_000_000, 123_456, &[1]),
    ]
    .concat();
    assert_eq!(one(&file).inputs, [format!("0#1@{} ? 1/1/5", at.0)]);
}

#[test]
fn interfaces_without_end_stop_the_reading_and_not_the_machine() {
    let mut bytes = [
        LITTLE.section(),
        LITTLE.interface(1, &[LITTLE.option(2, b"eth0")]),
        LITTLE.enhanced(0, 1, &[7], &[]),
    ]
    .concat();
    for _ in 0..20_000 {
        bytes.extend(LITTLE.interface(1, &[LITTLE.option(2, b"eth0")]));
    }
    let seen = one(&bytes);
    assert_eq!(seen.taps.len(), 1_024);
    assert_eq!(
        seen.notes,
        ["describes more than 1024 interfaces; what comes before is analyzed (1 frames)"]
    );
}

#[test]
fn sections_without_end_go_on_with_their_taps() {
    let section = |name: &[u8]| {
        [
            LITTLE.section(),
            LITTLE.interface(1, &[LITTLE.option(2, name)]),
            LITTLE.enhanced(0, 1, &[7], &[]),
        ]
        .concat()
    };
    let sections = [section(b"eth0"), section(b"eth1")].concat().repeat(5_000);
    let seen = one(&sections);
    assert_eq!((seen.taps.len(), seen.inputs.len()), (2, 10_000));
}

#[test]
fn a_name_without_end_is_cut() {
    let name = "é".repeat(10_000);
    let seen = one(&[
        LITTLE.section(),
        LITTLE.interface(1, &[LITTLE.option(2, name.as_bytes())]),
    ]
    .concat());
    assert_eq!(seen.taps[0].name, "é".repeat(128));
}
