//! What the datagrams of a flow are that are no RTP (RFC 7983): STUN, DTLS, hole punches.

use rtsp_ebpf_common::flow::{Class, FlowStats};
use rtspscope_wire::punch;

use crate::model::DatagramKinds;

/// Counts of what the media counters do not hold.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Kinds {
    stun: u64,
    dtls: u64,
    punches: u64,
    other: u64,
}

impl Kinds {
    /// Takes in a datagram of which `bytes` were captured.
    pub(super) fn note(&mut self, class: Class, bytes: &[u8]) {
        match class {
            Class::Rtp | Class::Rtcp => {}
            Class::Stun => self.stun += 1,
            Class::Dtls => self.dtls += 1,
            Class::Other if punch::is_hole_punch(bytes) => self.punches += 1,
            Class::Other => self.other += 1,
        }
    }

    /// All kinds of a flow. The kernel knows no hole punches: of those that it counted the first few were seen.
    pub(super) fn of_flow(
        self,
        stats: Option<&FlowStats>,
        counted_by_kernel: bool,
    ) -> DatagramKinds {
        let media = stats.copied().unwrap_or(FlowStats::EMPTY);
        let kinds = DatagramKinds {
            rtp: media.rtp_packets(),
            rtcp: media.rtcp.packets,
            stun: self.stun,
            dtls: self.dtls,
            punches: self.punches,
            other: self.other,
        };
        if !counted_by_kernel {
            return kinds;
        }
        DatagramKinds {
            stun: media.stun_packets,
            dtls: media.dtls_packets,
            punches: self.punches.min(media.other_packets),
            other: media.other_packets.saturating_sub(self.punches),
            ..kinds
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(payloads: &[&[u8]]) -> Kinds {
        let mut kinds = Kinds::default();
        for payload in payloads {
            let class = rtsp_ebpf_common::flow::classify(payload, payload.len() as u32);
            kinds.note(class, payload);
        }
        kinds
    }

    #[test]
    fn each_kind_is_counted_apart() {
        let stun = [&[0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42][..], &[7; 12]].concat();
        let dtls = [&[22, 0xfe, 0xfd][..], &[0; 10]].concat();
        let zxv10 = [&b"ZXV10STB"[..], &[0; 76]].concat();
        let seen = kinds(&[&stun, &dtls, &[0xce, 0xfa, 0xed, 0xfe], &zxv10, b"dummy"]);
        let known = DatagramKinds {
            stun: 1,
            dtls: 1,
            punches: 2,
            other: 1,
            ..DatagramKinds::default()
        };
        assert_eq!(seen.of_flow(None, false), known);
    }

    #[test]
    fn the_kernel_counts_and_the_samples_tell_the_punches() {
        let seen = kinds(&[&[0xce, 0xfa, 0xed, 0xfe]]);
        let stats = FlowStats {
            other_packets: 5,
            stun_packets: 2,
            ..FlowStats::EMPTY
        };
        let known = DatagramKinds {
            stun: 2,
            punches: 1,
            other: 4,
            ..DatagramKinds::default()
        };
        assert_eq!(seen.of_flow(Some(&stats), true), known);
    }
}
