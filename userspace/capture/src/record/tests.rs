//! What is recorded comes back as it was.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use rtsp_ebpf_common::flow::FlowStats;
use rtspscope_engine::router_setup::{HelperRule, PortRange, RuleSource};
use rtspscope_engine::{
    Blind, CaptureLoss, ChannelCounters, ChannelReport, ChannelTotals, Conntrack, FlowCounters,
    Handover, Input, KeyPictureTotals, LossKind, PictureSpan, PictureTotals, Returned, RouterSetup,
    Stray, TapInfo,
};
use rtspscope_wire::netfilter;
use rtspscope_wire::{Direction, FrameRef, LinkType, Span, TapId, TapRole, Timestamp};

use super::{Fact, Recorder};
use crate::{Host, MergedFiles, NamedFile};

fn scratch() -> PathBuf {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    std::env::temp_dir().join(format!(
        "rtspscope-record-{}-{number}.pcapng",
        std::process::id()
    ))
}

fn tap(name: &str, role: TapRole, link_type: Option<LinkType>) -> TapInfo {
    TapInfo {
        name: name.to_owned(),
        role,
        source: format!("ebpf:{name}"),
        link_type,
        unfiltered: role != TapRole::Unknown,
    }
}

fn frame(tap: u16, number: u64, at: i64, direction: Direction, bytes: &[u8]) -> Input<'_> {
    Input::Frame(FrameRef {
        at: Timestamp(at),
        tap: TapId(tap),
        direction,
        link_type: LinkType::ETHERNET,
        number,
        original_len: bytes.len() as u32 + 100,
        bytes,
    })
}

/// Counters in which no two fields are alike, made from packets as the kernel makes them.
fn stats() -> FlowStats {
    let mut stats = FlowStats::default();
    for (at, seq) in [
        (0_i64, 7_u16),
        (33, 8),
        (34, 8),
        (99, 12),
        (132, 11),
        (165, 900),
    ] {
        let mut packet = [0; 40];
        packet[0] = 0x80;
        packet[1] = 96;
        packet[2..4].copy_from_slice(&seq.to_be_bytes());
        packet[4..8].copy_from_slice(&(u32::from(seq) * 3_000).to_be_bytes());
        packet[8..12].copy_from_slice(&0xfeed_beef_u32.to_be_bytes());
        stats.update(
            &packet,
            40,
            1_700_000_000_000_000_000 + at * 1_000_000,
            90_000,
        );
    }
    stats
}

#[derive(Debug, Default)]
struct Replayed {
    taps: Vec<TapInfo>,
    inputs: Vec<String>,
    notes: Vec<String>,
}

impl Host for Replayed {
    fn open_tap(&mut self, info: TapInfo) -> TapId {
        self.taps.push(info);
        TapId(self.taps.len() as u16 - 1)
    }

    fn note(&mut self, _subject: &str, what: &str) {
        self.notes.push(what.to_owned());
    }
}

fn replay(path: &PathBuf) -> Replayed {
    let mut replayed = Replayed::default();
    let file = NamedFile {
        path: path.clone(),
        role: TapRole::Unknown,
        kept_at: None,
    };
    let mut source = MergedFiles::open(&[file], &mut replayed).unwrap();
    while let Some(input) = source.next(&mut replayed).unwrap() {
        let text = format!("{input:?}");
        replayed.inputs.push(text);
    }
    std::fs::remove_file(path).unwrap();
    replayed
}

fn counters() -> FlowCounters {
    FlowCounters {
        tap: TapId(1),
        from: "203.0.113.10:5000".parse().unwrap(),
        to: "[2001:db8::1]:9998".parse().unwrap(),
        stats: stats(),
    }
}

/// An expectation of a kernel's FTP helper, as its socket gave it.
const EXPECTATION: &str = "\
    3001000000020006000000000000000002000000340002801400018008000100cb00710a08000200cb0071011c00028005000100\
    0600000006000200000000000600030004380000340003801400018008000100ffffffff08000200ffffffff1c00028005000100\
    06000000060002000000000006000300ffff0000340001801400018008000100c0a8016408000200cb00710a1c00028005000100\
    0600000006000200c26c0000060003000015000040000a8008000100000000013400028014000180080001000000000008000200\
    000000001c000280050001000600000006000200043800000600030000000000080004000000012c0800050041104ad708000800\
    000000000800090000000000080006006674700016000b006e61742d666f6c6c6f772d6d6173746572000000";

fn expectation() -> Vec<u8> {
    let digits = |at: usize| u8::from_str_radix(&EXPECTATION[at..at + 2], 16).unwrap();
    (0..EXPECTATION.len()).step_by(2).map(digits).collect()
}

/// As it was read of a router before its first packet.
fn setup() -> RouterSetup {
    RouterSetup {
        at: Timestamp(1_700_000_000_000_000_000),
        by_itself: Some(false),
        rules: Some(vec![HelperRule {
            source: RuleSource::Nftables,
            chain: "ip helpers prerouting".to_owned(),
            helper: Some("ftp".to_owned()),
            object: Some("ftp-std".to_owned()),
            protocol: Some(6),
            ports: Some(vec![PortRange::one(554)]),
            text: "tcp dport 554 ct helper set \"ftp-std\"".to_owned(),
        }]),
        udp_stream_timeout_secs: Some(120),
        ..RouterSetup::default()
    }
}

/// A message of netfilter's with what it says.
fn told() -> (Vec<u8>, netfilter::Event) {
    let raw = expectation();
    let event = netfilter::messages(&raw).next().unwrap().event().unwrap();
    (raw, event)
}

const FROM: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(203, 0, 113, 10)), 554);
const TO: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 168, 1, 100)), 40_000);

static TAKEN: Handover = Handover {
    tap: TapId(0),
    from: FROM,
    to: TO,
    returned: None,
};

static RETURNED: Handover = Handover {
    returned: Some(Returned {
        from_seq: 0xffff_fff0,
        seq: 7,
        acked: 0xffff_ff00,
        head: *b"$\x02\0\x30\x80\x60\x12\x34stamp...",
        head_len: 16,
        left: 20,
        bytes: 1 << 40,
        last: Timestamp(1_700_000_000_000_000_400),
    }),
    ..TAKEN
};

fn channel() -> ChannelCounters {
    ChannelCounters {
        tap: TapId(0),
        from: FROM,
        to: TO,
        channel: 2,
        clock_rate: 90_000,
        stats: stats(),
    }
}

fn report() -> ChannelReport {
    ChannelReport {
        tap: TapId(0),
        from: FROM,
        to: TO,
        channel: 3,
        at: Timestamp(1_700_000_000_000_000_420),
        bytes: b"\x80\xc9\0\x01ssrc".to_vec(),
    }
}

const fn span(count: u64) -> PictureSpan {
    PictureSpan {
        count,
        first_at: Timestamp(1_700_000_000_000_000_000),
        last_at: Timestamp(1_700_000_007_000_000_000),
    }
}

const PICTURES: PictureTotals = PictureTotals {
    tap: TapId(1),
    from: SocketAddr::new(IpAddr::V4(Ipv4Addr::new(203, 0, 113, 10)), 554),
    to: SocketAddr::new(IpAddr::V4(Ipv4Addr::new(203, 0, 113, 1)), 40_000),
    channel: Some(2),
    ssrc: 0xfeed_beef,
    all: span(175),
    h264: KeyPictureTotals {
        pictures: span(7),
        longest_gap: Span::from_millis(1_040),
        parameter_sets: true,
    },
    h265: KeyPictureTotals {
        pictures: span(0),
        longest_gap: Span(0),
        parameter_sets: false,
    },
};

fn inputs<'a>(
    payload: &'a [u8],
    setup: &'a RouterSetup,
    counters: &'a FlowCounters,
    (raw, event): (&'a [u8], &'a netfilter::Event),
    (channel, totals, report): (&'a ChannelCounters, &'a ChannelTotals, &'a ChannelReport),
) -> Vec<Input<'a>> {
    vec![
        Input::RouterSetup(setup),
        frame(0, 1, 1_700_000_000_000_000_001, Direction::Ingress, payload),
        frame(
            1,
            2,
            1_700_000_000_000_000_900,
            Direction::Egress,
            &payload[..61],
        ),
        Input::FlowCounters(counters),
        Input::Handover(&TAKEN),
        Input::ChannelCounters(channel),
        Input::ChannelTotals(totals),
        Input::Pictures(&PICTURES),
        Input::ChannelReport(report),
        Input::Handover(&RETURNED),
        Input::CaptureLoss(CaptureLoss {
            tap: Some(TapId(1)),
            kind: LossKind::RingFull,
            count: 3,
        }),
        Input::CaptureLoss(CaptureLoss {
            tap: None,
            kind: LossKind::MapFull,
            count: u64::MAX,
        }),
        Input::Blind(
            TapId(1),
            Blind {
                since: Timestamp(1_700_000_000_000_000_920),
                until: None,
            },
        ),
        Input::Blind(
            TapId(1),
            Blind {
                since: Timestamp(1_700_000_000_000_000_920),
                until: Some(Timestamp(1_700_000_000_000_000_940)),
            },
        ),
        Input::Conntrack(Conntrack {
            at: Timestamp(1_700_000_000_000_000_950),
            number: 3,
            raw,
            event,
        }),
        // Frames of two processors come a little out of order, and stay so.
        frame(
            0,
            4,
            1_700_000_000_000_000_500,
            Direction::Unknown,
            &payload[..3],
        ),
        frame(0, 5, 1_700_000_009_000_000_000, Direction::Ingress, &[]),
    ]
}

#[test]
fn a_replay_gives_the_inputs_that_were_recorded() {
    let path = scratch();
    let mut recorder = Recorder::create(&path).unwrap();
    let taps = [
        tap("lan0", TapRole::Lan, Some(LinkType::ETHERNET)),
        tap("wan0", TapRole::Wan, Some(LinkType::ETHERNET)),
    ];
    for info in &taps {
        recorder.open_tap(info.clone());
    }
    let payload: Vec<u8> = (0..70_001_u32).map(|number| number as u8).collect();
    let counters = counters();
    let (raw, event) = told();
    let (channel, report, setup) = (channel(), report(), setup());
    let totals = ChannelTotals {
        counted: channel,
        missing_bytes: 1 << 33,
        stray: Some(Stray {
            bytes: 77,
            at: Timestamp(1_700_000_000_500_000_000),
        }),
    };
    let of_channels = (&channel, &totals, &report);
    let inputs = inputs(&payload, &setup, &counters, (&raw, &event), of_channels);
    for input in &inputs {
        recorder.handle_input(input).unwrap();
    }
    recorder
        .handle_input(&Input::Tick(Timestamp(1_700_000_010_000_000_000)))
        .unwrap();
    recorder.finish().unwrap();

    let replayed = replay(&path);
    let watched = Input::Tick(Timestamp(1_700_000_010_000_000_000));
    let expected: Vec<String> = inputs
        .iter()
        .chain([&watched])
        .map(|input| format!("{input:?}"))
        .collect();
    assert_eq!(replayed.inputs, expected);
    let known: Vec<_> = replayed
        .taps
        .iter()
        .map(|tap| (tap.name.as_str(), tap.role, tap.link_type))
        .collect();
    let told: Vec<_> = taps
        .iter()
        .map(|tap| (tap.name.as_str(), tap.role, tap.link_type))
        .collect();
    assert_eq!(known, told);
    assert_eq!(replayed.notes, Vec::<String>::new());
}

/// A run goes on in a new file where the old one was moved away, and its setup is read once only.
#[test]
fn a_file_that_is_begun_anew_has_the_setup_too() {
    let path = scratch();
    let mut recorder = Recorder::create(&path).unwrap();
    recorder.open_tap(tap("lan0", TapRole::Lan, Some(LinkType::ETHERNET)));
    let setup = setup();
    let told = Input::RouterSetup(&setup);
    recorder.handle_input(&told).unwrap();
    std::fs::remove_file(&path).unwrap();
    recorder.reopen().unwrap();
    recorder.finish().unwrap();
    let watched = Input::Watched(setup.at);
    assert_eq!(
        replay(&path).inputs,
        [&told, &watched].map(|input| format!("{input:?}"))
    );
}

#[test]
fn a_tap_whose_link_type_comes_with_its_frames_is_recorded_too() {
    let path = scratch();
    let mut recorder = Recorder::create(&path).unwrap();
    recorder.open_tap(tap("eth1", TapRole::Mirror, None));
    recorder
        .handle_input(&frame(0, 1, 5, Direction::Unknown, &[1; 60]))
        .unwrap();
    recorder.finish().unwrap();
    let replayed = replay(&path);
    assert_eq!(
        replayed
            .taps
            .iter()
            .map(|tap| (tap.name.as_str(), tap.role))
            .collect::<Vec<_>>(),
        [("eth1", TapRole::Mirror)]
    );
    assert_eq!(
        replayed.inputs.len(),
        2,
        "the frame, and until when it watched"
    );
}

#[test]
fn the_file_is_whole_before_the_end_of_the_run() {
    let path = scratch();
    let mut recorder = Recorder::create(&path).unwrap();
    recorder.open_tap(tap("lan0", TapRole::Lan, Some(LinkType::ETHERNET)));
    let payload = [3; 1_000];
    for number in 1..=500 {
        recorder
            .handle_input(&frame(0, number, 0, Direction::Ingress, &payload))
            .unwrap();
    }
    let copy = scratch();
    std::fs::copy(&path, &copy).unwrap();
    let replayed = replay(&copy);
    assert_eq!(replayed.notes, Vec::<String>::new());
    assert!(replayed.inputs.len() > 400, "{}", replayed.inputs.len());
    recorder.finish().unwrap();
    assert_eq!(replay(&path).inputs.len(), 501);
}

#[test]
fn a_full_disk_is_told_in_one_line() {
    let mut recorder = Recorder::create(std::path::Path::new("/dev/null")).unwrap();
    recorder.file = std::fs::File::options()
        .write(true)
        .open("/dev/full")
        .unwrap();
    recorder.path = PathBuf::from("OUT.pcapng");
    recorder.open_tap(tap("lan0", TapRole::Lan, Some(LinkType::ETHERNET)));
    let error = recorder.finish().unwrap_err().to_string();
    assert_eq!(
        error,
        "OUT.pcapng: cannot write: no space left on device: free some space or choose another place"
    );
}

#[test]
fn facts_of_others_and_cut_facts_are_stepped_over() {
    let from: SocketAddr = "203.0.113.10:5000".parse().unwrap();
    let fact = Fact::Counters {
        from,
        to: from,
        stats: Box::new(stats()),
    };
    let bytes = fact.encode();
    assert_eq!(Fact::decode(&bytes), Some(fact));
    for len in 0..bytes.len() {
        assert_eq!(Fact::decode(&bytes[..len]), None, "{len} bytes");
    }
    let mut other = bytes.clone();
    other[4] = b'x';
    assert_eq!(Fact::decode(&other), None);
}

/// A capture of `tcpdump -i nlmon0`: one packet may hold several messages, and messages of other families are stepped over.
#[test]
fn a_capture_of_netlink_gives_what_netfilter_told() {
    let raw = expectation();
    let packet = [&netfilter::PACKET_HEADER[..], &raw, &raw].concat();
    let mut other = packet.clone();
    other[15] = 0;
    let mut file = 0xa1b2_c3d4_u32.to_le_bytes().to_vec();
    file.extend([2, 0, 4, 0]);
    file.extend([0; 8]);
    file.extend(262_144_u32.to_le_bytes());
    file.extend(253_u32.to_le_bytes());
    for packet in [&other, &packet] {
        file.extend(
            [7_u32, 0, packet.len() as u32, packet.len() as u32]
                .map(u32::to_le_bytes)
                .concat(),
        );
        file.extend(packet);
    }
    let path = scratch();
    std::fs::write(&path, file).unwrap();
    let replayed = replay(&path);
    let (raw, event) = told();
    let told = Input::Conntrack(Conntrack {
        at: Timestamp(7_000_000_000),
        number: 2,
        raw: &raw,
        event: &event,
    });
    assert_eq!(replayed.inputs, vec![format!("{told:?}"); 2]);
    assert_eq!((replayed.taps, replayed.notes), (vec![], vec![]));
}
