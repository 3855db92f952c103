use rtsp_ebpf_common::flow::FlowStats;
use rtspscope_wire::{TapId, Timestamp};

use super::*;

const TAP: TapId = TapId(0);

fn place(ms: i64) -> Locator {
    Locator {
        tap: TAP,
        frame: Some(1),
        at: Timestamp(ms * 1_000_000),
        stream_offset: None,
    }
}

fn addr(text: &str) -> SocketAddr {
    text.parse().expect("an address of the test")
}

fn packet(number: u16, ssrc: u32) -> Vec<u8> {
    [
        &[0x80, 96][..],
        &number.to_be_bytes(),
        &[0; 4],
        &ssrc.to_be_bytes(),
        &[0; 8],
    ]
    .concat()
}

/// A table with one flow that got these packets: time in ms, sequence number, SSRC.
fn flow(packets: &[(i64, u16, u32)]) -> FlowTable {
    let mut table = FlowTable::new(4, 4, 8);
    feed(&mut table, packets);
    table
}

fn feed(table: &mut FlowTable, packets: &[(i64, u16, u32)]) {
    for &(ms, number, ssrc) in packets {
        table.count(
            place(ms),
            addr("10.0.0.1:6970"),
            addr("10.0.0.2:5000"),
            &packet(number, ssrc),
            20,
        );
    }
}

fn counts(table: &FlowTable) -> Vec<u64> {
    table
        .flows()
        .iter()
        .flat_map(Flow::epochs)
        .map(|epoch| epoch.packets)
        .collect()
}

#[test]
fn another_source_after_a_silence_is_another_use() {
    let table = flow(&[(0, 1, 7), (20, 2, 7), (3_000, 900, 8), (3_020, 901, 8)]);
    assert_eq!(counts(&table), [2, 2]);
}

#[test]
fn a_silence_of_the_same_source_is_a_gap() {
    let table = flow(&[(0, 1, 7), (20, 2, 7), (3_000, 9, 7)]);
    assert_eq!(counts(&table), [3]);
    let media = table.flows()[0]
        .epochs()
        .next()
        .and_then(|epoch| epoch.media.as_ref())
        .expect("RTP");
    assert_eq!(media.stats.rtp.lost(), 6);
}

#[test]
fn a_new_setup_of_the_port_begins_another_use_with_the_next_packet() {
    let mut table = flow(&[(0, 1, 7), (20, 2, 7)]);
    table.fence(TAP, addr("10.0.0.2:0").ip(), &[5000], Fence::Anew);
    assert_eq!(counts(&table), [2]);
    feed(&mut table, &[(40, 3, 7)]);
    assert_eq!(counts(&table), [2, 1]);
    table.fence(TAP, addr("10.0.0.2:0").ip(), &[5002], Fence::Anew);
    feed(&mut table, &[(60, 4, 7)]);
    assert_eq!(counts(&table), [2, 2]);
}

#[test]
fn a_repeated_setup_parts_no_media_that_just_goes_on() {
    // The next number, a few behind a loss, far ahead, and behind: only the latter two begin anew.
    for (next, uses, lost) in [
        (3, vec![3], 0),
        (43, vec![3], 40),
        (203, vec![2, 1], 0),
        (1, vec![2, 1], 0),
    ] {
        let mut table = flow(&[(0, 1, 7), (20, 2, 7)]);
        table.fence(TAP, addr("10.0.0.2:0").ip(), &[5000], Fence::Repeated);
        feed(&mut table, &[(40, next, 7)]);
        assert_eq!(counts(&table), uses, "{next}");
        let in_all = table.flows()[0]
            .epochs()
            .filter_map(|epoch| epoch.media.as_ref());
        let in_all: u64 = in_all.map(|media| media.stats.rtp.lost()).sum();
        assert_eq!(in_all, lost, "{next}");
    }
}

#[test]
fn uses_beyond_the_cap_run_together() {
    let mut table = flow(&[]);
    for number in 0..10 {
        feed(&mut table, &[(i64::from(number), number, 7)]);
        table.fence(TAP, addr("10.0.0.2:0").ip(), &[5000], Fence::Anew);
    }
    assert_eq!(counts(&table), [1, 1, 1, 7]);
}

#[test]
fn the_kernels_counts_replace_the_samples_and_frames_give_the_places() {
    let mut table = flow(&[(1_000, 1, 7), (1_020, 2, 7)]);
    let mut stats = FlowStats::default();
    for number in 0..500_u16 {
        stats.update(&packet(number, 7), 20, 1_000_000_000 + i64::from(number), 0);
    }
    let counters = FlowCounters {
        tap: TAP,
        from: addr("10.0.0.1:6970"),
        to: addr("10.0.0.2:5000"),
        stats,
    };
    let (_, grown) = table.set_kernel_counts(&counters);
    assert_eq!(grown, 498);
    feed(&mut table, &[(1_040, 3, 7)]);
    assert_eq!(counts(&table), [500]);
    let media = table.flows()[0]
        .epochs()
        .next()
        .and_then(|epoch| epoch.media.as_ref())
        .expect("RTP");
    assert_eq!((media.stats.rtp.packets, media.stats.rtp.lost()), (500, 0));
    assert_eq!(media.first_rtp.and_then(|first| first.frame), Some(1));
}

/// What the kernel counted of a flow that got `packets` packets from `first_ms` on, one a millisecond.
fn counted(first_ms: i64, packets: u16) -> FlowCounters {
    let mut stats = FlowStats::default();
    for number in 0..packets {
        let at_ns = (first_ms + i64::from(number)) * 1_000_000;
        stats.update(&packet(number, 7), 20, at_ns, 0);
    }
    FlowCounters {
        tap: TAP,
        from: addr("10.0.0.1:6970"),
        to: addr("10.0.0.2:5000"),
        stats,
    }
}

#[test]
fn kernel_counts_that_begin_anew_are_another_use() {
    let mut table = flow(&[]);
    let mut grown = Vec::new();
    for (first_ms, packets) in [(0, 100), (0, 200), (5_000, 300), (4_900, 40), (4_900, 50)] {
        grown.push(table.set_kernel_counts(&counted(first_ms, packets)).1);
    }
    assert_eq!(counts(&table), [200, 300, 50]);
    assert_eq!(grown, [100, 100, 300, 40, 10]);
}

#[test]
fn a_setup_parts_what_frames_showed_before_from_what_the_kernel_counts_after() {
    let mut table = flow(&[(0, 1, 7), (20, 2, 7)]);
    table.fence(TAP, addr("10.0.0.2:0").ip(), &[5000], Fence::Anew);
    table.set_kernel_counts(&counted(3_000, 100));
    assert_eq!(counts(&table), [2, 100]);
}

#[test]
fn a_frame_does_not_use_up_the_setup_that_parts_kernel_counts() {
    let mut table = flow(&[]);
    table.set_kernel_counts(&counted(0, 100));
    table.fence(TAP, addr("10.0.0.2:0").ip(), &[5000], Fence::Anew);
    feed(&mut table, &[(3_000, 1, 7)]);
    table.set_kernel_counts(&counted(3_000, 500));
    assert_eq!(counts(&table), [100, 500]);
}

#[test]
fn the_first_proven_media_to_a_watched_port_is_news_once() {
    let mut table = FlowTable::new(4, 4, 8);
    table.fence(TAP, addr("10.0.0.2:0").ip(), &[5000], Fence::Anew);
    let mut news = Vec::new();
    for number in 1..5 {
        let (from, to) = (addr("10.0.0.1:6970"), addr("10.0.0.2:5000"));
        news.push(
            table
                .count(place(i64::from(number)), from, to, &packet(number, 7), 20)
                .media_began,
        );
    }
    assert_eq!(news, [None, Some(7), None, None]);
}

#[test]
fn a_full_table_gives_up_the_flow_without_media_that_was_idle_longest() {
    let mut table = flow(&[(0, 1, 7), (20, 2, 7)]);
    let noise = |table: &mut FlowTable, port: u16, ms: i64| {
        table
            .count(
                place(ms),
                SocketAddr::from(([10, 0, 0, 9], port)),
                addr("10.0.0.2:53"),
                b"?",
                1,
            )
            .evicted
    };
    let evicted: Vec<bool> = (1..=5)
        .map(|n| noise(&mut table, n, 100 + i64::from(n)))
        .collect();
    assert_eq!(evicted, [false, false, false, true, true]);
    let ports: Vec<u16> = table.flows().iter().map(|flow| flow.from.port()).collect();
    assert_eq!(ports, [6970, 4, 5, 3]);
}
