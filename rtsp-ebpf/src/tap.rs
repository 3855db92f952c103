//! One packet from hook to verdict: what it is, who cares, and how it ended.

use rtsp_ebpf_common::abi::{COUNTERS, Counter, Local, Reason};
use rtsp_ebpf_common::verifier::hide;

use crate::glance::{self, Glance};
use crate::head::Head;
use crate::headers::{self, ICMP, ICMPV6, IGMP, Link, Stop, TCP, UDP};
use crate::local;
use crate::packet::{Packet, XdpPacket};
use crate::tell;

/// How it ended: the counter that goes up, or none.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Outcome {
    /// Of no interest.
    Ignored = u32::MAX,
    /// Counted in its flow.
    Counted = u32::MAX - 1,
    /// Put in the ring.
    Copied = u32::MAX - 2,
    /// An ICMP error that is to be put in the ring.
    WantedError = u32::MAX - 3,
    /// A message of group membership that is to be put in the ring.
    WantedMembership = u32::MAX - 4,
    /// A segment of a connection whose media the kernel may read; [`Local`] holds its connection, its sender and where
    /// it lies.
    WantedWalk = u32::MAX - 5,
    /// Of interest, and the ring is full.
    RingFull = Counter::RingFull as u32,
    /// Of interest, and the flow map is full.
    MapFull = Counter::MapFull as u32,
    /// Its bytes could not be loaded.
    LoadFailed = Counter::LoadFailed as u32,
    /// Its headers could not be followed.
    Unreadable = Counter::NotParsed as u32,
}

/// Looks at a packet; one that matters is counted or copied.
#[inline(always)]
pub(crate) fn observe(packet: &impl Packet, link: Link) {
    act(packet, link, glance::at(packet, link));
}

/// The same at a mirror port, most of whose packets are of no interest to anyone.
#[inline(always)]
pub(crate) fn observe_mirrored(packet: &XdpPacket, link: Link) {
    if !glance::is_idle(packet, link) {
        act(packet, link, Glance::of_number(packet.glance(link)));
    }
}

/// Does what a packet is worth.
#[inline(always)]
fn act(packet: &impl Packet, link: Link, glance: Glance) {
    match glance {
        Glance::Done => {}
        Glance::Copy => count(packet.copy(Reason::Control as u32, packet.len())),
        Glance::Walk => count(packet.walk()),
        // The look does not walk itself, because the stages' stacks are too deep together.
        Glance::Closer => {
            if packet.look(link) == Outcome::WantedWalk as u32 {
                count(packet.walk());
            }
        }
    }
}

/// Reads a packet of any shape and counts how that ended, which it returns.
#[inline(always)]
pub(crate) fn look_closer(packet: &impl Packet, link: Link) -> u32 {
    let Some(local) = local::get() else {
        return Outcome::LoadFailed as u32;
    };
    let outcome = match read_headers(packet, link, local) {
        Ok(TCP) => packet.control(),
        Ok(UDP) => packet.media(),
        Ok(ICMP | ICMPV6 | IGMP) => copy_wanted(packet, packet.errors()),
        Ok(_) => Outcome::Ignored as u32,
        Err(outcome) => outcome as u32,
    };
    count(outcome);
    outcome
}

/// Copies what the stage for ICMP wants copied. It does not do so itself, because its stack and the copying stage's are
/// too deep together for kernels that count each in steps of 32 bytes (6.1 does, 6.18 does not).
#[inline(always)]
fn copy_wanted(packet: &impl Packet, outcome: u32) -> u32 {
    let reason = if outcome == Outcome::WantedError as u32 {
        Reason::IcmpError
    } else if outcome == Outcome::WantedMembership as u32 {
        Reason::Membership
    } else {
        return outcome;
    };
    packet.copy(reason as u32, packet.len())
}

/// Counts an [`Outcome`] that is worth it.
#[inline(always)]
fn count(outcome: u32) {
    if outcome < COUNTERS as u32
        && let Some(local) = local::get()
    {
        let count = bump(&mut local.counters, outcome);
        tell::outcome(outcome, count);
    }
}

/// Writes down what the headers say, and returns the protocol.
#[inline(always)]
fn read_headers(packet: &impl Packet, link: Link, local: &mut Local) -> Result<u8, Outcome> {
    let Local { headers, facts, .. } = local;
    let head = Head::load(packet, headers).ok_or(Outcome::LoadFailed)?;
    facts.flow.ifindex = packet.ifindex();
    facts.loaded = head.loaded();
    match headers::read(&head, link, packet.len(), facts) {
        Ok(()) => Ok(facts.protocol as u8),
        Err(Stop::NotOurs) => Err(Outcome::Ignored),
        Err(Stop::Unreadable) => Err(Outcome::Unreadable),
    }
}

/// Counts one more, and returns how many there are by now.
#[inline(always)]
pub(crate) fn bump(counters: &mut [u64; COUNTERS], counter: u32) -> u64 {
    let index = hide(u64::from(counter)) as usize;
    counters.get_mut(index).map_or(0, |slot| {
        *slot = slot.wrapping_add(1);
        *slot
    })
}
