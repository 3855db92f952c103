//! What RTCP says: the sender reports that passed, and what a receiver reports back.
//!
//! The two travel in different directions, so each directed flow keeps its part, and they meet when a snapshot is taken
//! ([`far_end`]).

use rtspscope_wire::Span;
use rtspscope_wire::rtcp::{self, FeedbackMessage, Packet, ReportBlock};

use crate::locator::Locator;
use crate::model::{FarEnd, Growth};

/// Sender reports that are remembered; a receiver answers one of the last.
const SENDER_REPORTS: usize = 8;

/// Sources whose reception reports are kept apart.
const SOURCES: usize = 4;

/// What one directed flow of RTCP said.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reports {
    /// Middle 32 bits of the NTP time of the last sender reports, and when they passed.
    sent: [(u32, i64); SENDER_REPORTS],
    sent_count: usize,
    /// RTP packets that the last sender report says were sent.
    pub(crate) sent_packets: Option<u32>,
    /// The same as it grew from report to report.
    sending: Option<Grown>,
    /// The last reception report on each source.
    received: Vec<Received>,
    /// The last goodbye of each source.
    goodbyes: Vec<Goodbye>,
    /// Packets that held one.
    pub(crate) byes: u64,
    /// Negative acknowledgements: packets that name missing ones.
    pub(crate) nacks: u64,
    /// Requests for a whole picture.
    pub(crate) keyframe_requests: u64,
}

/// A source that leaves (RFC 3550 §6.6).
#[derive(Clone, Copy, Debug)]
struct Goodbye {
    /// `None` where the packet names none.
    ssrc: Option<u32>,
    at: Locator,
}

/// A count of one source that reports repeat, and when it grew last.
#[derive(Clone, Copy, Debug)]
struct Grown {
    ssrc: u32,
    count: u32,
    at: Locator,
    growth: Option<Growth>,
}

impl Grown {
    const fn new(ssrc: u32, count: u32, at: Locator) -> Self {
        Self {
            ssrc,
            count,
            at,
            growth: None,
        }
    }

    /// Takes in what the next report says. The count wraps around, so that less than half its range ahead is more; of another
    /// source nothing is known yet.
    fn note(&mut self, ssrc: u32, count: u32, at: Locator) {
        let more = count.wrapping_sub(self.count);
        if ssrc == self.ssrc && more > 0 && more < u32::MAX / 2 {
            let since = self.at;
            self.growth = Some(Growth {
                since,
                shown: at,
                more,
            });
        }
        (self.ssrc, self.count, self.at) = (ssrc, count, at);
    }
}

/// The last reception report on one source.
#[derive(Clone, Copy, Debug)]
struct Received {
    block: ReportBlock,
    at_ns: i64,
    /// Its highest sequence number.
    highest: Grown,
}

impl Reports {
    /// The source that the last sender report is of.
    pub(crate) fn reporter(&self) -> Option<u32> {
        self.sending.map(|sending| sending.ssrc)
    }

    /// When the count of sent packets grew last, from one sender report to the next.
    pub(crate) fn sending(&self) -> Option<Growth> {
        self.sending?.growth
    }

    /// The last goodbye that is of `ssrc` or of nobody in particular, or of the source of the sender reports where that sent none of
    /// `sources`: some servers name another one in their reports.
    pub(crate) fn goodbye(&self, ssrc: Option<u32>, sources: &[u32]) -> Option<Locator> {
        let reporting = self.sending.map(|sending| sending.ssrc);
        let is_own = |said: &&Goodbye| {
            let is_reporting = said.ssrc == reporting;
            said.ssrc.zip(ssrc).is_none_or(|(said, ssrc)| {
                said == ssrc || (is_reporting && !sources.contains(&said))
            })
        };
        let own = self.goodbyes.iter().filter(is_own);
        own.map(|said| said.at).max_by_key(|at| at.at)
    }

    /// Takes in a compound packet.
    pub(super) fn note(&mut self, bytes: &[u8], at: Locator) {
        let at_ns = at.at.as_nanos();
        let mut leaves = false;
        for packet in rtcp::packets(bytes) {
            match packet {
                Packet::SenderReport(report) => {
                    self.sent_packets = Some(report.packet_count);
                    let (ssrc, count) = (report.ssrc, report.packet_count);
                    self.sending
                        .get_or_insert(Grown::new(ssrc, count, at))
                        .note(ssrc, count, at);
                    let middle = (report.ntp >> 16) as u32;
                    if let Some(slot) = self.sent.get_mut(self.sent_count % SENDER_REPORTS) {
                        *slot = (middle, at_ns);
                    }
                    self.sent_count += 1;
                    report.reports.for_each(|block| self.receive(block, at));
                }
                Packet::ReceiverReport(report) => {
                    report.reports.for_each(|block| self.receive(block, at));
                }
                Packet::Feedback(feedback) => match feedback.message {
                    FeedbackMessage::Nack(_) => self.nacks += 1,
                    FeedbackMessage::PictureLoss | FeedbackMessage::FullIntraRequest => {
                        self.keyframe_requests += 1;
                    }
                    FeedbackMessage::Other { .. } => {}
                },
                Packet::Bye(bye) => {
                    leaves = true;
                    let mut sources = bye.sources.map(Some).peekable();
                    if sources.peek().is_none() {
                        self.leave(None, at);
                    }
                    sources.for_each(|ssrc| self.leave(ssrc, at));
                }
                Packet::SourceDescription(_)
                | Packet::App(_)
                | Packet::ExtendedReport(_)
                | Packet::Other { .. } => {}
            }
        }
        self.byes += u64::from(leaves);
    }

    /// Remembers who leaves; beyond the cap the one who left first is forgotten.
    fn leave(&mut self, ssrc: Option<u32>, at: Locator) {
        self.goodbyes.retain(|said| said.ssrc != ssrc);
        if self.goodbyes.len() >= SOURCES {
            self.goodbyes.remove(0);
        }
        self.goodbyes.push(Goodbye { ssrc, at });
    }

    fn receive(&mut self, block: ReportBlock, at: Locator) {
        let (ssrc, highest) = (block.ssrc, block.extended_highest_seq);
        let at_ns = at.at.as_nanos();
        let mut known = self.received.iter_mut();
        if let Some(received) = known.find(|received| received.block.ssrc == ssrc) {
            (received.block, received.at_ns) = (block, at_ns);
            received.highest.note(ssrc, highest, at);
        } else if self.received.len() < SOURCES {
            self.received.push(Received {
                block,
                at_ns,
                highest: Grown::new(ssrc, highest, at),
            });
        }
    }

    /// When the sender report passed that a receiver names by the middle of its time.
    fn sent_at(&self, middle: u32) -> Option<i64> {
        let kept = self.sent.get(..self.sent_count.min(SENDER_REPORTS))?;
        let sent = kept.iter().filter(|(sent, _)| *sent == middle);
        sent.map(|(_, at_ns)| *at_ns).max()
    }
}

/// What the receiver of `ssrc` reports, by its last report in `received`, and how long the way from this tap to it and
/// back is, by the sender report in `sent` that it answers. A lone report on another source is taken where the medium's
/// own source is not known.
pub(crate) fn far_end(
    sent: &[&Reports],
    received: &[&Reports],
    ssrc: Option<u32>,
    clock_rate: Option<u32>,
) -> FarEnd {
    let all = || received.iter().flat_map(|reports| &reports.received);
    let fits = |received: &&Received| ssrc.is_none_or(|ssrc| received.block.ssrc == ssrc);
    if ssrc.is_none() && all().count() > 1 {
        return FarEnd::default();
    }
    let Some(last) = all().filter(fits).max_by_key(|received| received.at_ns) else {
        return FarEnd::default();
    };
    let block = &last.block;
    let in_time = |rate: u32| {
        let nanos = u64::from(block.jitter_ticks) * 1_000_000_000 / u64::from(rate.max(1));
        Span(i64::try_from(nanos).unwrap_or(i64::MAX))
    };
    FarEnd {
        lost: Some(block.cumulative_lost),
        fraction_lost: Some(f64::from(block.fraction_lost) / 256.0),
        jitter: clock_rate.map(in_time),
        round_trip: round_trip(sent, block, last.at_ns),
        receiving: last.highest.growth,
    }
}

/// RFC 3550 §6.4.1, figure 2, measured at the tap: from the sender report on its way out to the answer on its way back.
fn round_trip(sent: &[&Reports], block: &ReportBlock, at_ns: i64) -> Option<Span> {
    if block.last_sr == 0 {
        return None;
    }
    let sent_at = sent
        .iter()
        .filter_map(|reports| reports.sent_at(block.last_sr))
        .max()?;
    let held = i64::from(block.delay_since_last_sr) * 1_000_000_000 / 65_536;
    let way = at_ns.checked_sub(sent_at)?.checked_sub(held)?;
    // The receiver's clock counts in 15 us; what is less than that below zero is a way of nearly no length.
    (way >= -1_000_000).then_some(Span(way.max(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLI: i64 = 1_000_000;

    fn words(first: u8, packet_type: u8, values: &[u32]) -> Vec<u8> {
        let mut bytes = vec![first, packet_type];
        bytes.extend((values.len() as u16).to_be_bytes());
        bytes.extend(values.iter().flat_map(|value| value.to_be_bytes()));
        bytes
    }

    fn sender_report(middle: u32) -> Vec<u8> {
        words(0x80, 200, &[7, middle >> 16, middle << 16, 0, 0, 0])
    }

    /// A receiver report on `ssrc`: 64 of 256 and 5 in all lost, jitter of 900 ticks.
    fn receiver_report(ssrc: u32, last_sr: u32, delay: u32) -> Vec<u8> {
        words(
            0x81,
            201,
            &[9, ssrc, 0x4000_0005, 1_000, 900, last_sr, delay],
        )
    }

    fn at(millis: i64) -> Locator {
        crate::testkit::at(
            crate::testkit::LAN,
            millis as f64 / 1e3,
            millis.cast_unsigned(),
        )
    }

    #[test]
    fn a_goodbye_is_the_mediums_where_its_last_source_says_it() {
        let said = |ssrcs: &[u32]| {
            let bye = words(0x80 | ssrcs.len() as u8, 203, ssrcs);
            reports(&[(1, sender_report(0xaaaa_0001)), (2, bye)])
        };
        let is_own =
            |ssrcs: &[u32], ssrc, sources: &[u32]| said(ssrcs).goodbye(ssrc, sources).is_some();
        assert!(is_own(&[8], Some(8), &[6, 8]));
        assert!(is_own(&[5, 8], Some(8), &[8]));
        assert!(is_own(&[], Some(8), &[8]), "it names nobody");
        assert!(is_own(&[5], None, &[]), "there is no RTP to compare with");
        assert!(!is_own(&[6], Some(8), &[6, 8]), "a source before");
        assert!(!is_own(&[5], Some(8), &[8]), "one that never sent");
        assert!(
            is_own(&[7], Some(8), &[8]),
            "the reports have a source of their own"
        );
        assert!(
            !is_own(&[7], Some(8), &[7, 8]),
            "and that was a source before"
        );
        assert_eq!(said(&[8]).byes, 1);
    }

    fn reports(packets: &[(i64, Vec<u8>)]) -> Reports {
        let mut reports = Reports::default();
        for (millis, bytes) in packets {
            reports.note(bytes, at(*millis));
        }
        reports
    }

    #[test]
    fn the_far_end_tells_its_loss_and_the_way_to_it() {
        let sent = reports(&[
            (1_000, sender_report(0xaaaa_0001)),
            (6_000, sender_report(0xaaaa_0002)),
        ]);
        // Held for half a second; 20 ms on the way.
        let received = reports(&[(1_520, receiver_report(7, 0xaaaa_0001, 32_768))]);
        let far = far_end(&[&sent], &[&received], Some(7), Some(90_000));
        assert_eq!((far.lost, far.fraction_lost), (Some(5), Some(0.25)));
        assert_eq!(far.jitter, Some(Span::from_millis(10)));
        assert_eq!(far.round_trip, Some(Span::from_millis(20)));
    }

    #[test]
    fn a_report_without_a_sender_report_measures_no_way() {
        let sent = reports(&[(1_000, sender_report(0xaaaa_0001))]);
        for last_sr in [0, 0xbbbb_0001] {
            let received = reports(&[(1_520, receiver_report(7, last_sr, 0))]);
            let far = far_end(&[&sent], &[&received], Some(7), None);
            assert_eq!(
                (far.lost, far.jitter, far.round_trip),
                (Some(5), None, None)
            );
        }
    }

    #[test]
    fn the_last_report_on_the_own_source_counts() {
        let received = reports(&[
            (1, receiver_report(8, 0, 0)),
            (2, receiver_report(7, 0, 0)),
            (3, words(0x81, 201, &[9, 7, 0x00ff_fffe, 0, 0, 0, 0])),
        ]);
        assert_eq!(far_end(&[], &[&received], Some(7), None).lost, Some(-2));
        assert_eq!(far_end(&[], &[&received], Some(6), None), FarEnd::default());
        assert_eq!(far_end(&[], &[&received], None, None), FarEnd::default());
    }

    #[test]
    fn only_the_last_sender_reports_are_kept() {
        let all: Vec<_> = (1..=9).map(|n| (i64::from(n), sender_report(n))).collect();
        let sent = reports(&all);
        assert_eq!((sent.sent_at(1), sent.sent_at(2)), (None, Some(2 * MILLI)));
        assert_eq!(sent.sent_at(9), Some(9 * MILLI));
    }

    #[test]
    fn feedback_is_counted_by_what_it_asks_for() {
        let asked = reports(&[
            (1, words(0x81, 205, &[9, 7, 0x0064_0000])),
            (2, words(0x81, 206, &[9, 7])),
            (3, words(0x84, 206, &[9, 0, 7, 0])),
            (4, words(0x8f, 206, &[9, 7])),
        ]);
        assert_eq!((asked.nacks, asked.keyframe_requests), (1, 2));
    }

    /// When a count grew last: numbers of the reports before and after, for counts that reports 1, 2, … name of a source.
    fn grew(counts: &[(u32, u32)], said: fn(u32, u32) -> Vec<u8>) -> Option<(i64, i64)> {
        let all: Vec<_> = (1..)
            .zip(counts.iter().map(|&(ssrc, count)| said(ssrc, count)))
            .collect();
        let own = reports(&all);
        let far = far_end(&[], &[&own], None, None);
        let growth = own.sending().or(far.receiving)?;
        let number = |at: Locator| at.at.as_nanos() / MILLI;
        Some((number(growth.since), number(growth.shown)))
    }

    #[test]
    fn reports_tell_when_their_counts_grew_last() {
        let sent = |ssrc, count| words(0x80, 200, &[ssrc, 0, 0, 0, count, 0]);
        let received = |ssrc, highest| words(0x81, 201, &[9, ssrc, 0, highest, 0, 0, 0]);
        for said in [sent, received] {
            assert_eq!(grew(&[(7, 5), (7, 9), (7, 9)], said), Some((1, 2)));
            assert_eq!(grew(&[(7, u32::MAX), (7, 3)], said), Some((1, 2)));
            assert_eq!(grew(&[(7, 5), (7, 5)], said), None);
            assert_eq!(grew(&[(7, 5)], said), None);
        }
        assert_eq!(grew(&[(7, 5), (8, 9), (8, 9)], sent), None);
    }
}
