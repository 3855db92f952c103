//! Records of the ring on their way to the host, and what the kernel says with them of who reads interleaved media.

use rtsp_ebpf_common::abi::{self, WALK_CLAIM, WALK_RETURNED, WALK_TAKEN};
use rtspscope_engine::{Carrier, ChannelCounters, Handover, Input, Returned};
use rtspscope_wire::FrameRef;
use rtspscope_wire::decode::{self, Body};

use super::super::LiveHost;
use super::super::error::LiveError;
use super::super::frames::Waiting;
use super::super::walks::{self, Counted};
use super::{Live, direction};
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
        self.handed_over += 1;
        self.heard_ns = frame.header.at_ns;
        let walk = frame.header.walk;
        let seen = FrameRef {
            at: self.clock.real(frame.header.at_ns),
            tap: tap.id,
            direction: direction(frame.header.direction),
            link_type: tap.link_type,
            number: self.handed_over,
            original_len: frame.original_len(),
            bytes: &frame.bytes,
        };
        let place = (walk != 0).then(|| place_of(&seen, tap.ifindex)).flatten();
        if walk & WALK_RETURNED != 0
            && let Some((way, _)) = &place
            && let Some(returned) = self.walks.returned(way).map_err(LiveError::from)?
        {
            self.hand_back(returned, host)?;
        }
        host.handle_input(&Input::Frame(seen))?;
        if walk & WALK_CLAIM != 0
            && let Some((way, carrier)) = &place
            && let Some(passing) = host.passing(carrier)
        {
            self.walks.answer(way, &passing);
        }
        if walk & WALK_TAKEN != 0
            && let Some((way, _)) = &place
            && let Some(carrier) = self.walks.taken(way)
        {
            host.handle_input(&Input::Handover(&handover(carrier, None)))?;
        }
        Ok(())
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
        self.walks.note_agreed(&host.open_sessions());
        for carrier in carriers {
            let tap = self.taps.iter().find(|tap| tap.id == carrier.tap);
            if let Some(ifindex) = tap.map(|tap| tap.ifindex) {
                self.walks.walk(carrier, ifindex);
            }
        }
    }
}

/// The direction in which a segment goes, as the kernel and as the engine name it.
fn place_of(frame: &FrameRef<'_>, ifindex: u32) -> Option<(walks::Direction, Carrier)> {
    let Body::Tcp(segment) = decode::decode(frame).body else {
        return None;
    };
    let carrier = Carrier {
        tap: frame.tap,
        from: segment.source,
        to: segment.destination,
    };
    let way = walks::Direction::new(carrier.from, carrier.to, ifindex);
    Some((way, carrier))
}

fn handover(carrier: Carrier, returned: Option<Returned>) -> Handover {
    Handover {
        tap: carrier.tap,
        from: carrier.from,
        to: carrier.to,
        returned,
    }
}
