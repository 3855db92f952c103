//! Records of the ring on their way to the host, and what the kernel says with them of who reads interleaved media.

use rtsp_ebpf_common::abi::{
    self, RecordHeader, WALK_CLAIM, WALK_PASSED, WALK_RETURNED, WALK_TAKEN,
};
use rtsp_ebpf_common::flow::Payload;
use rtspscope_engine::{Carrier, ChannelCounters, ChannelReport, Handover, Input, Returned};
use rtspscope_wire::decode::{self, Body};
use rtspscope_wire::{FrameRef, Timestamp};

use super::super::LiveHost;
use super::super::error::LiveError;
use super::super::frames::Waiting;
use super::super::walks::{self, Counted};
use super::{Live, Tap};
use crate::failure::Failure;

impl Live {
    /// Hands over a frame, with what changes before and behind it.
    pub(super) fn hand_over_one(
        &mut self,
        frame: &Waiting,
        host: &mut dyn LiveHost,
    ) -> Result<(), Failure> {
        let Some(tap) = self.tap(frame.header.ifindex) else {
            return Ok(());
        };
        self.heard_ns = frame.header.at_ns;
        let walk = frame.header.walk;
        if walk & WALK_PASSED != 0 && walk & WALK_RETURNED == 0 {
            return self.hand_over_passed(frame, tap, host);
        }
        self.handed_over += 1;
        let seen = self.seen(frame, tap);
        let place = (walk != 0).then(|| Place::of(&seen, tap.ifindex)).flatten();
        if walk & WALK_RETURNED != 0
            && let Some(place) = &place
            && let Some(returned) = self.walks.returned(&place.way).map_err(LiveError::from)?
        {
            if walk & WALK_PASSED != 0 {
                let read_len = returned.2.seq.wrapping_sub(place.seq) as usize;
                let read = place.payload.get(..read_len).unwrap_or_default();
                hand_over_reports(place, read, &frame.header, seen.at, host)?;
            }
            self.hand_back(returned, host)?;
        }
        host.handle_input(&Input::Frame(seen))?;
        if walk & WALK_CLAIM != 0
            && let Some(place) = &place
            && let Some(passing) = host.passing(&place.carrier)
        {
            if !self.walks.know_agreed(&place.carrier, &passing) {
                self.walks.note_agreed(&host.sessions_of(&[place.carrier]));
            }
            self.walks.answer(&place.way, &passing);
        }
        if walk & WALK_TAKEN != 0
            && let Some(place) = &place
            && let Some(carrier) = self.walks.taken(&place.way)
        {
            host.handle_input(&Input::Handover(&handover(carrier, None)))?;
        }
        Ok(())
    }

    /// Hands over the reports in a segment that the kernel has read, and nothing else of it.
    fn hand_over_passed(
        &self,
        frame: &Waiting,
        tap: Tap,
        host: &mut dyn LiveHost,
    ) -> Result<(), Failure> {
        let seen = self.seen(frame, tap);
        Place::of(&seen, tap.ifindex).map_or(Ok(()), |place| {
            hand_over_reports(&place, place.payload, &frame.header, seen.at, host)
        })
    }

    /// A frame as the engine takes it.
    fn seen<'a>(&self, frame: &'a Waiting, tap: Tap) -> FrameRef<'a> {
        let at = self.clock.real(frame.header.at_ns);
        frame.frame(at, tap.id, tap.link_type, self.handed_over)
    }

    /// Hands over what the kernel counted in a direction, and where the engine is to go on.
    pub(super) fn hand_back(
        &self,
        (counted, carrier, returned): (Vec<Counted>, Carrier, abi::Returned),
        host: &mut dyn LiveHost,
    ) -> Result<(), Failure> {
        for counted in counted {
            self.hand_over_channel(&counted, host)?;
        }
        let returned = Returned {
            from_seq: returned.from_seq,
            seq: returned.seq,
            acked: returned.acked,
            head: returned.head,
            head_len: returned.head_len as u8,
            left: returned.left as u16,
            bytes: returned.bytes,
            last: self.clock.real(returned.last_ns),
        };
        host.handle_input(&Input::Handover(&handover(carrier, Some(returned))))
    }

    /// Hands over what the kernel has counted of a channel.
    pub(super) fn hand_over_channel(
        &self,
        counted: &Counted,
        host: &mut dyn LiveHost,
    ) -> Result<(), Failure> {
        let mut stats = counted.stats;
        stats.shift_times(self.clock.offset_ns());
        host.handle_input(&Input::ChannelCounters(&ChannelCounters {
            tap: counted.carrier.tap,
            from: counted.carrier.from,
            to: counted.carrier.to,
            channel: counted.channel,
            clock_rate: counted.clock_rate,
            stats,
        }))
    }

    /// Lets the kernel count media in connections that have begun to carry it.
    pub(super) fn walk_carriers(&mut self, host: &mut dyn LiveHost) {
        let carriers = host.take_carriers();
        if carriers.is_empty() {
            return;
        }
        self.walks.note_agreed(&host.sessions_of(&carriers));
        for carrier in carriers {
            let tap = self.taps.iter().find(|tap| tap.id == carrier.tap);
            if let Some(ifindex) = tap.map(|tap| tap.ifindex) {
                self.walks.walk(carrier, ifindex);
            }
        }
    }
}

/// A segment: the direction in which it goes, as the kernel and as the engine name it, and its payload.
struct Place<'a> {
    way: walks::Direction,
    carrier: Carrier,
    seq: u32,
    payload: &'a [u8],
}

impl<'a> Place<'a> {
    fn of(frame: &FrameRef<'a>, ifindex: u32) -> Option<Self> {
        let Body::Tcp(segment) = decode::decode(frame).body else {
            return None;
        };
        let carrier = Carrier {
            tap: frame.tap,
            from: segment.source,
            to: segment.destination,
        };
        Some(Self {
            way: walks::Direction::new(carrier.from, carrier.to, ifindex),
            carrier,
            seq: segment.seq,
            payload: segment.payload,
        })
    }
}

/// Hands over the reports in the part of a segment that the kernel has `read`; its header says where the first is.
fn hand_over_reports(
    place: &Place<'_>,
    read: &[u8],
    header: &RecordHeader,
    at: Timestamp,
    host: &mut dyn LiveHost,
) -> Result<(), Failure> {
    let from = usize::from(header.report_at);
    for (channel, bytes) in reports(read.get(from..).unwrap_or_default()) {
        host.handle_input(&Input::ChannelReport(&ChannelReport {
            tap: place.carrier.tap,
            from: place.carrier.from,
            to: place.carrier.to,
            channel,
            at,
            bytes: bytes.to_vec(),
        }))?;
    }
    Ok(())
}

/// The reports among whole interleaved frames (RFC 2326 §10.12): channel and RTCP packets of each.
fn reports(mut frames: &[u8]) -> Vec<(u8, &[u8])> {
    let mut reports = Vec::new();
    while let Some((&[b'$', channel, high, low], rest)) = frames.split_first_chunk() {
        let len = usize::from(u16::from_be_bytes([high, low]));
        let Some((payload, behind)) = rest.split_at_checked(len) else {
            break;
        };
        if matches!(payload, [first, second, ..] if Payload::is_rtcp(*first, *second)) {
            reports.push((channel, payload));
        }
        frames = behind;
    }
    reports
}

fn handover(carrier: Carrier, returned: Option<Returned>) -> Handover {
    Handover {
        tap: carrier.tap,
        from: carrier.from,
        to: carrier.to,
        returned,
    }
}

#[cfg(test)]
mod tests {
    use super::reports;

    #[test]
    fn reports_are_found_among_whole_frames() {
        let media = b"$\x00\x00\x0c\x80\x60\x00\x01\0\0\0\0ssrc";
        let report = b"$\x01\x00\x08\x80\xc9\x00\x01ssrc";
        let stream = [&report[..], media, report, &media[..9]].concat();
        let payload = &report[4..];
        assert_eq!(reports(&stream), [(1, payload), (1, payload)]);
        assert_eq!(reports(b"RTSP/1.0 200 OK"), []);
        assert_eq!(reports(&report[..11]), [], "not whole");
    }
}
