//! Packets of which only the first bytes lie in the linear part, down to no more than an Ethernet header, and packets
//! longer than an IP header can say: what is read, counted and copied is what it would be of a linear one. Root only.
//!
//! `BPF_PROG_TEST_RUN` lays the rest of a packet in pages where its context names a shorter linear part: for XDP since
//! Linux 6.18. A packet longer than a page is in pages for XDP since 5.18. What TC makes of pages, real frames show in
//! `tests/tests/kernel_jumbo.rs`.

use super::agreement::{for_each_shape, offline, stay_on_one_processor};
use super::packets::rtp;
use super::shapes::{Ip, ends, frame, tcp, udp};
use super::*;

const MEDIA_PORTS: [u16; 2] = [6000, 5000];
const TEXT_PORTS: [u16; 2] = [5544, 40_000];

/// Lengths of linear parts: they end in every header of some shape, and between headers.
const LINEAR: [usize; 9] = [14, 18, 22, 34, 38, 42, 54, 66, 94];

/// Payload of a segment that no IP header can tell the length of, and that pages of a test run have room for.
const LONG: usize = 68_000;

/// Most bytes that the kernel lets an XDP program load at once.
const XDP_LOAD_MAX: usize = 0xffff;

/// First kernel whose test runs of XDP take a length of the linear part.
const PAGED_SINCE: KernelVersion = KernelVersion::new(6, 18, 0);

/// Offset of `data_end` in the context of an XDP program, and its length (`struct xdp_md`).
const CONTEXT: (usize, usize) = (4, 24);

/// Whether this kernel can run the program on packets in pages.
fn can_run(program: &str) -> bool {
    program == MIRROR_PROGRAM && kernel_has(PAGED_SINCE)
}

impl Loaded {
    /// Runs a program once on a packet in pages.
    fn run_paged(&mut self, packet: &Paged<'_>) {
        let name = packet.program;
        let (at, len) = CONTEXT;
        let mut context = vec![0; len];
        context[at..at + 4].copy_from_slice(&(packet.linear as u32).to_ne_bytes());
        let options = TestRunOptions {
            data_in: Some(packet.bytes),
            ctx_in: Some(&context),
            ..TestRunOptions::default()
        };
        let result = match self.ebpf.program_mut(name) {
            Some(Program::SchedClassifier(program)) => program.test_run(options),
            Some(Program::Xdp(program)) => program.test_run(options),
            other => panic!("{name}: {other:?}"),
        };
        result.unwrap();
    }
}

/// One packet in pages.
struct Paged<'a> {
    what: &'a str,
    program: &'static str,
    link_type: LinkType,
    ip: Ip,
    bytes: &'a [u8],
    linear: usize,
}

/// Calls with a transport in each shape that has ports, for each program that this kernel can run on pages, and with
/// each linear part; tells of how many.
fn for_each_paged(protocol: u8, transport: &[u8], mut check: impl FnMut(&Paged<'_>)) -> usize {
    let mut count = 0;
    for_each_shape(|what, program, link_type, ip, (tags, link)| {
        if !ip.has_ports() || !can_run(program) {
            return;
        }
        let bytes = frame(tags, link, ip, protocol, transport);
        for linear in LINEAR {
            check(&Paged {
                what: &format!("{what}, {linear} bytes linear"),
                program,
                link_type,
                ip,
                bytes: &bytes,
                linear,
            });
            count += 1;
        }
    });
    count
}

/// How many checks [`for_each_paged`] makes on this kernel: nine shapes of IP in six links.
fn expected_count() -> usize {
    9 * 6 * usize::from(can_run(MIRROR_PROGRAM)) * LINEAR.len()
}

#[test]
fn headers_in_pages_are_read_as_linear_ones() {
    if !may_load("headers_in_pages_are_read_as_linear_ones") {
        return;
    }
    let mut loaded = Loaded::new();
    loaded.mark_ports(&[MEDIA_PORTS[1]]);
    let count = for_each_paged(17, &udp(MEDIA_PORTS, &rtp(1)), |packet| {
        loaded.run_paged(packet);
        let fields = loaded.fields(packet.bytes);
        let offline = offline(packet.bytes, packet.link_type);
        assert_eq!(Some(fields), offline, "{}", packet.what);
        assert_eq!(fields.0, ends(packet.ip, MEDIA_PORTS), "{}", packet.what);
    });
    assert_eq!(count, expected_count());
}

#[test]
fn media_in_pages_is_counted() {
    if !may_load("media_in_pages_is_counted") {
        return;
    }
    let mut loaded = Loaded::new();
    let count = for_each_paged(17, &udp(MEDIA_PORTS, &rtp(1)), |packet| {
        loaded.forget();
        loaded.follow(ends(packet.ip, MEDIA_PORTS).1);
        for _ in 0..6 {
            loaded.run_paged(packet);
        }
        let counted: Vec<_> = loaded
            .flows()
            .iter()
            .map(|(_, value)| (value.stats.rtp.packets, value.stats.rtp.bytes))
            .collect();
        assert_eq!(counted, [(6, 6 * rtp(1).len() as u64)], "{}", packet.what);
        assert_eq!(loaded.losses(), [0; COUNTERS], "{}", packet.what);
    });
    assert_eq!(count, expected_count());
}

#[test]
fn text_in_pages_is_recognised_and_copied_whole() {
    if !may_load("text_in_pages_is_recognised_and_copied_whole") {
        return;
    }
    // Longer than what the programs keep of a packet's headers.
    let text = format!(
        "RTSP/1.0 200 OK\r\nCSeq: 1\r\nServer: {}\r\n\r\n",
        "x".repeat(400)
    );
    let mut loaded = Loaded::new();
    let count = for_each_paged(6, &tcp(TEXT_PORTS, text.as_bytes()), |packet| {
        loaded.forget();
        // The first is recognised, the second known.
        loaded.run_paged(packet);
        loaded.run_paged(packet);
        let copied: Vec<_> = loaded
            .records()
            .into_iter()
            .map(|(_, bytes)| bytes)
            .collect();
        assert_eq!(copied, [packet.bytes, packet.bytes], "{}", packet.what);
        assert_eq!(loaded.losses(), [0; COUNTERS], "{}", packet.what);
    });
    assert_eq!(count, expected_count());
}

/// What a download comes in is not looked into.
#[test]
fn no_conversation_begins_with_a_long_segment() {
    if !may_load("no_conversation_begins_with_a_long_segment") {
        return;
    }
    if !can_run(MIRROR_PROGRAM) {
        println!("skipped: test runs take no packets in pages before 6.18");
        return;
    }
    let mut loaded = Loaded::new();
    for (len, copies) in [(16_000, 1), (17_000, 0)] {
        loaded.forget();
        let mut text = b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n".to_vec();
        text.resize(len, b'x');
        let bytes = frame(&[], "", Ip::V4, 6, &tcp([7_000, 40_000], &text));
        loaded.run_paged(&Paged {
            what: "a long segment",
            program: MIRROR_PROGRAM,
            link_type: LinkType::ETHERNET,
            ip: Ip::V4,
            bytes: &bytes,
            linear: 66,
        });
        assert_eq!(loaded.records().len(), copies, "{len} bytes");
        assert_eq!(loaded.losses(), [0; COUNTERS], "{len} bytes");
    }
}

#[test]
fn of_a_segment_that_no_header_tells_the_length_of_xdp_copies_what_it_can() {
    if !may_load("of_a_segment_that_no_header_tells_the_length_of_xdp_copies_what_it_can") {
        return;
    }
    if !kernel_has(XDP_SINCE) {
        println!("skipped: XDP takes no long packets before 5.18");
        return;
    }
    stay_on_one_processor();
    let mut text = b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n".to_vec();
    text.resize(LONG, b'x');
    let mut loaded = Loaded::new();
    for ip in [Ip::V4NoLength, Ip::V6NoLength, Ip::V6Jumbo] {
        loaded.forget();
        let bytes = frame(&[], "", ip, 6, &tcp(TEXT_PORTS, &text));
        loaded.run(MIRROR_PROGRAM, &bytes, 1);
        let fields = loaded.fields(&bytes);
        assert_eq!(Some(fields), offline(&bytes, LinkType::ETHERNET), "{ip:?}");
        assert_eq!(fields.3, LONG as u32, "{ip:?}");
        let records = loaded.records();
        let [(header, copied)] = &records[..] else {
            panic!("{ip:?}: {} records", records.len());
        };
        assert_eq!(header.original_len as usize, bytes.len(), "{ip:?}");
        assert!(*copied == bytes[..XDP_LOAD_MAX], "{ip:?}: {}", copied.len());
        assert_eq!(loaded.losses(), [0; COUNTERS], "{ip:?}");
    }
}
