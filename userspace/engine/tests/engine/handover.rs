//! Media of a connection that the kernel reads for a while: nothing is counted twice, left out, or taken for missing.

use rtsp_ebpf_common::flow::FlowStats;
use rtsp_ebpf_common::interleaved::stride::Stride;
use rtspscope_engine::model::Snapshot;
use rtspscope_engine::{
    Carrier, ChannelCounters, ChannelReport, ChannelTotals, Handover, Input, Returned,
};
use rtspscope_wire::Timestamp;

use crate::support::traffic::{LAN, Talk, Wire, interleaved, rtp_packet, sender_report};
use crate::support::{arrival, engine, only_session};

const CLIENT: &str = "192.168.1.100:40000";
const SERVER: &str = "203.0.113.10:554";
const SSRC: u32 = 9;

/// What the server sends: video with a hole in its numbers, reports and an answer in its midst.
fn stream() -> Vec<u8> {
    let mut bytes = Vec::new();
    for number in (65_500..=65_535)
        .chain(0..40)
        .filter(|number| number % 11 != 3)
    {
        bytes.extend(interleaved(0, &rtp_packet(number, SSRC)));
        if number == 9 {
            bytes.extend(interleaved(1, &sender_report(SSRC)));
        }
        if number == 20 {
            bytes.extend(interleaved(1, &sender_report(SSRC)));
            bytes.extend(interleaved(0, &rtp_packet(21, SSRC)));
            bytes.extend(b"RTSP/1.0 200 OK\r\nCSeq: 4\r\n\r\n");
        }
    }
    bytes
}

/// A player to whom nothing was sent yet.
fn playing() -> (Wire, Talk) {
    let mut wire = Wire::new(engine(1));
    let mut talk = Talk::open(&mut wire, LAN, CLIENT, SERVER);
    let url = "rtsp://203.0.113.10/cam";
    let transport = "RTP/AVP/TCP;unicast;interleaved=0-1";
    talk.exchange(
        &mut wire,
        &format!("SETUP {url}/track1 RTSP/1.0|CSeq: 2|Transport: {transport}"),
        &format!("RTSP/1.0 200 OK|CSeq: 2|Session: 1|Transport: {transport}"),
    );
    talk.exchange(
        &mut wire,
        &format!("PLAY {url}/ RTSP/1.0|CSeq: 3|Session: 1"),
        "RTSP/1.0 200 OK|CSeq: 3|Session: 1",
    );
    talk.client_says(&mut wire, b"OPTIONS * RTSP/1.0\r\nCSeq: 4\r\n\r\n");
    (wire, talk)
}

/// The kernel's part, in the steps that its program takes.
struct Kernel {
    stride: Stride,
    counts: FlowStats,
    reads: bool,
    /// Reports in the segment that was read last.
    reports: Vec<Vec<u8>>,
}

impl Kernel {
    /// Reads a segment; how many bytes of it were in step.
    fn read(&mut self, segment: &[u8], at_ns: i64) -> usize {
        let mut at = 0;
        self.reports.clear();
        while at < segment.len() {
            let rest = &segment[at..];
            let (head_len, left) = (self.stride.head_len, self.stride.left);
            let mut taken = (self.stride.wanted_len() as usize).min(rest.len());
            self.stride.head[head_len as usize..][..taken].copy_from_slice(&rest[..taken]);
            if taken > 0 && !self.stride.take_head(taken as u32) {
                assert_eq!((self.stride.head_len, self.stride.left), (head_len, left));
                let report_len = self.stride.whole_report(rest.len() as u32) as usize;
                if head_len == 0 && report_len != 0 {
                    self.reports.push(rest[4..report_len].to_vec());
                    at += report_len;
                    continue;
                }
                return at;
            }
            taken += self.stride.take_payload((rest.len() - taken) as u32) as usize;
            if self.stride.is_whole() {
                if self.reads {
                    self.counts.record(&self.stride.payload(), at_ns, 0);
                }
                self.stride.turn();
            }
            at += taken;
        }
        at
    }
}

fn carrier() -> Carrier {
    Carrier {
        tap: LAN,
        from: SERVER.parse().expect("an address"),
        to: CLIENT.parse().expect("an address"),
    }
}

/// Hands over the reports of the segment that was read last.
fn tell_reports(wire: &mut Wire, kernel: &Kernel) {
    let Carrier { tap, from, to } = carrier();
    for bytes in &kernel.reports {
        let at = Timestamp(wire.now_ns());
        wire.engine
            .handle_input(Input::ChannelReport(&ChannelReport {
                tap,
                from,
                to,
                channel: 1,
                at,
                bytes: bytes.clone(),
            }));
    }
}

fn hand_over(wire: &mut Wire, returned: Option<Returned>) {
    let Carrier { tap, from, to } = carrier();
    wire.engine.handle_input(Input::Handover(&Handover {
        tap,
        from,
        to,
        returned,
    }));
}

/// Sends the stream in segments of this length. The kernel takes over behind segment `from`, and gives back with the
/// first that it cannot read. Returns what is known then, and how many segments the engine did not get.
fn watched(segment_len: usize, from: usize) -> (Snapshot, usize) {
    let (mut wire, mut talk) = playing();
    let mut kernel = Kernel {
        stride: Stride::START,
        counts: FlowStats::EMPTY,
        reads: false,
        reports: Vec::new(),
    };
    let (mut in_step, mut unseen, mut bytes) = (true, 0, 0);
    for (number, segment) in stream().chunks(segment_len).enumerate() {
        let at_ns = wire.now_ns();
        let read = if in_step {
            kernel.read(segment, at_ns)
        } else {
            0
        };
        in_step &= read == segment.len();
        if kernel.reads {
            tell_reports(&mut wire, &kernel);
        }
        if kernel.reads && in_step {
            talk.server_says_unseen(&mut wire, segment);
            unseen += 1;
            bytes += segment.len() as u64;
            continue;
        }
        if std::mem::take(&mut kernel.reads) {
            give_back(&mut wire, &kernel, talk.server_seq(), read, bytes);
        }
        talk.server_says(&mut wire, segment);
        if in_step && number == from {
            let passing = wire.engine.passing(&carrier()).expect("it is in step");
            let passed = kernel.stride.passed_len();
            assert_eq!(passing.seq, talk.server_seq() - passed);
            hand_over(&mut wire, None);
            kernel.reads = true;
        }
    }
    wire.engine.finish();
    (wire.engine.snapshot(), unseen)
}

fn give_back(wire: &mut Wire, kernel: &Kernel, from_seq: u32, read: usize, bytes: u64) {
    let Carrier { tap, from, to } = carrier();
    wire.engine
        .handle_input(Input::ChannelCounters(&ChannelCounters {
            tap,
            from,
            to,
            channel: 0,
            clock_rate: 0,
            stats: kernel.counts,
        }));
    let mut head = [0; 16];
    head.copy_from_slice(&kernel.stride.head[..16]);
    hand_over(
        wire,
        Some(Returned {
            from_seq,
            seq: from_seq + read as u32,
            acked: from_seq,
            head,
            head_len: kernel.stride.head_len as u8,
            left: kernel.stride.left as u16,
            bytes,
            last: Timestamp(kernel.counts.last_ns),
        }),
    );
}

/// What must not depend on who has read.
fn essence(snapshot: &Snapshot) -> String {
    let session = only_session(snapshot);
    let arrival = arrival(snapshot.sessions.first().expect("a session"), 0, 0);
    let (rtp, rtcp) = (&arrival.rtp, &arrival.rtcp);
    let leg = &session.legs[0];
    format!(
        "{:?} {:?} {:?} {:?} {:?} | {:?} {:?} | {} {:?} {}",
        rtp.packets,
        rtp.bytes,
        rtp.expected,
        rtp.lost,
        (rtp.duplicates, rtp.reordered),
        rtcp.packets,
        rtcp.sender_reports,
        leg.missing_bytes,
        leg.desync,
        leg.exchanges
            .iter()
            .filter(|exchange| exchange.response.is_some())
            .count()
    )
}

#[test]
fn what_the_kernel_reads_counts_as_if_the_engine_had() {
    let mut most = 0;
    for segment_len in [7, 50, 104, 131, 1000] {
        let segments = stream().len().div_ceil(segment_len);
        let (alone, unseen) = watched(segment_len, usize::MAX);
        assert_eq!(unseen, 0);
        // RTP is proven by the second frame, and the kernel takes over nothing before.
        let first = 2 * 104 / segment_len + 1;
        for from in first..segments {
            let (shared, unseen) = watched(segment_len, from);
            assert_eq!(essence(&shared), essence(&alone), "{segment_len}, {from}");
            most = most.max(unseen);
        }
    }
    assert!(most > 50, "the kernel read {most} segments");
}

/// RTP and RTCP on one channel (RFC 5761): the kernel's counts, which come later, know of RTP alone.
#[test]
fn a_report_beside_rtp_on_its_channel_stays_counted() {
    let (mut wire, mut talk) = playing();
    for number in 0..4 {
        talk.server_says(&mut wire, &interleaved(0, &rtp_packet(number, SSRC)));
    }
    hand_over(&mut wire, None);
    let Carrier { tap, from, to } = carrier();
    let at = Timestamp(wire.now_ns());
    wire.engine
        .handle_input(Input::ChannelReport(&ChannelReport {
            tap,
            from,
            to,
            channel: 0,
            at,
            bytes: sender_report(SSRC),
        }));
    let mut counts = FlowStats::EMPTY;
    counts.update(&rtp_packet(4, SSRC), 100, wire.now_ns(), 0);
    wire.engine
        .handle_input(Input::ChannelCounters(&ChannelCounters {
            tap,
            from,
            to,
            channel: 0,
            clock_rate: 0,
            stats: counts,
        }));
    let snapshot = wire.engine.snapshot();
    let arrival = arrival(snapshot.sessions.first().expect("a session"), 0, 0);
    assert_eq!((arrival.rtp.packets, arrival.rtp.lost), (5, Some(0)));
    assert_eq!(arrival.rtcp.sender_reports, 1);
}

#[test]
fn acknowledgments_of_what_the_kernel_reads_prove_no_gap() {
    let (mut wire, mut talk) = playing();
    for number in 0..4 {
        talk.server_says(&mut wire, &interleaved(0, &rtp_packet(number, SSRC)));
    }
    hand_over(&mut wire, None);
    talk.server_says_unseen(&mut wire, &interleaved(0, &rtp_packet(4, SSRC)));
    // It acknowledges what was not delivered.
    talk.client_says(&mut wire, b"GET_PARAMETER * RTSP/1.0\r\nCSeq: 5\r\n\r\n");
    let snapshot = wire.engine.snapshot();
    assert_eq!(only_session(&snapshot).legs[0].missing_bytes, 0);
}

/// An excerpt of a capture: the messages alone, and what was counted of all.
#[test]
fn totals_stand_for_media_that_was_left_out() {
    let (mut whole, mut talk) = playing();
    for segment in stream().chunks(131) {
        talk.server_says(&mut whole, segment);
    }
    whole.engine.finish();
    let totals: Vec<ChannelTotals> = whole.engine.channel_totals().collect();
    assert_eq!(totals.len(), 2, "a channel of RTP and one of RTCP");

    let (mut excerpt, mut talk) = playing();
    talk.server_says(&mut excerpt, &stream()[..131]);
    for segment in stream()[131..].chunks(131) {
        if segment.starts_with(b"RTSP") || segment.windows(5).any(|part| part == b"RTSP/") {
            talk.server_says(&mut excerpt, segment);
        } else {
            talk.server_says_unseen(&mut excerpt, segment);
        }
    }
    assert_ne!(
        essence(&excerpt.engine.snapshot()),
        essence(&whole.engine.snapshot())
    );
    for told in &totals {
        excerpt.engine.handle_input(Input::ChannelTotals(told));
    }
    excerpt.engine.finish();
    assert_eq!(
        essence(&excerpt.engine.snapshot()),
        essence(&whole.engine.snapshot())
    );
}
