//! RTP and RTCP payloads: views stay inside the packet, and lists end.

use rtsp_ebpf_common::flow::FlowStats;
use rtspscope_wire::rtcp::{FeedbackMessage, Packet, packets};
use rtspscope_wire::rtp::RtpSlice;

/// A compound packet's parts end with its bytes, and each report has at most 31 blocks (RFC 3550 §6.4.1).
pub fn rtcp(raw: &[u8]) {
    assert!(packets(raw).count() <= raw.len() / 4);
    for packet in packets(raw) {
        match packet {
            Packet::SenderReport(report) => assert!(report.reports.count() <= 31),
            Packet::ReceiverReport(report) => assert!(report.reports.count() <= 31),
            Packet::SourceDescription(chunks) => assert!(chunks.count() <= 31),
            Packet::Bye(bye) => assert!(bye.sources.count() <= 31),
            Packet::ExtendedReport(report) => {
                assert!(report.report_blocks().count() <= raw.len() / 4);
            }
            Packet::Feedback(feedback) => {
                if let FeedbackMessage::Nack(nacks) = feedback.message {
                    assert!(nacks.count() <= raw.len() / 4 * 17);
                }
            }
            Packet::App(_) | Packet::Other { .. } => {}
        }
    }
    if let Some(rtp) = RtpSlice::new(raw) {
        assert!(rtp.payload().len() + 12 <= raw.len());
        for wire_len in [0, raw.len(), raw.len() + 1, usize::MAX] {
            let padding = rtp.padding_len(wire_len).unwrap_or(0);
            assert!(padding <= wire_len);
        }
    }
    let mut stats = FlowStats::EMPTY;
    stats.update(raw, raw.len() as u32, 0, 90_000);
    let kinds = [
        stats.rtp.packets,
        stats.rtcp.packets,
        stats.stun_packets,
        stats.dtls_packets,
        stats.other_packets,
    ];
    assert_eq!(kinds.iter().sum::<u64>(), 1);
}
