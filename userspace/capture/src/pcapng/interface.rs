//! An interface of a pcapng section: its tap, its link type and how it counts time.

use std::collections::BTreeMap;

use pcap_parser::pcapng::InterfaceDescriptionBlock;
use rtspscope_wire::{LinkType, Timestamp};

use super::super::item::Tap;
use super::super::link_types::link_type_of;
use super::super::options;
use super::super::tap_opener::TapOpener;
use crate::record::Described;

/// Codes of interface options.
const IF_NAME: u16 = 2;
const IF_DESCRIPTION: u16 = 3;
const IF_TSRESOL: u16 = 9;
const IF_TSOFFSET: u16 = 14;

/// Units of a timestamp per second where the interface does not say (draft-ietf-opsawg-pcapng §4.2).
const DEFAULT_TICKS_PER_SECOND: u128 = 1_000_000;

const NANOS_PER_SECOND: u128 = 1_000_000_000;

/// Interfaces of one section, and taps of one file, that are kept; files of real machines have tens.
pub(super) const MAX_INTERFACES: usize = 1_024;

/// Bytes of an interface's name that are kept; Linux allows 15.
const MAX_NAME_LEN: usize = 256;

/// The taps of the sections so far: an interface that a later section describes again goes on with its tap.
#[derive(Clone, Debug, Default)]
pub(super) struct KnownTaps {
    /// By number in the section, name and link type.
    by_interface: BTreeMap<(usize, Option<String>, u16), Tap>,
}

impl KnownTaps {
    /// All taps.
    pub(super) fn all(&self) -> impl Iterator<Item = Tap> {
        self.by_interface.values().copied()
    }

    /// Whether all interfaces of `other` are known.
    pub(super) fn include(&self, other: &Self) -> bool {
        let mut interfaces = other.by_interface.keys();
        interfaces.all(|interface| self.by_interface.contains_key(interface))
    }

    /// The tap that was opened last.
    pub(super) fn last(&self) -> Option<Tap> {
        self.by_interface.values().copied().max()
    }
}

/// One described interface.
#[derive(Clone, Debug)]
pub(super) struct Interface {
    /// Its tap.
    pub tap: Tap,
    /// Link type of its frames.
    pub link_type: LinkType,
    /// Longest captured length; 0 for no limit.
    pub snaplen: u32,
    /// Drops that its statistics reported so far.
    pub dropped: u64,
    ticks_per_second: u128,
    /// Nanoseconds in a unit of its times, where that is a whole number.
    nanos_per_tick: Option<u64>,
    offset_secs: i64,
}

impl Interface {
    /// Reads the description of the interface `number`. One of the same number, name and link type in an earlier section
    /// is the same tap. `None` for one too many.
    pub(super) fn read(
        block: &InterfaceDescriptionBlock<'_>,
        big_endian: bool,
        number: usize,
        known: &mut KnownTaps,
        taps: &mut TapOpener<'_>,
    ) -> Option<Self> {
        let link_type = link_type_of(block.linktype.0.cast_unsigned());
        let mut name = options::text(&block.options, IF_NAME);
        if let Some(name) = &mut name {
            name.truncate(name.floor_char_boundary(MAX_NAME_LEN));
        }
        let described = options::text(&block.options, IF_DESCRIPTION)
            .and_then(|description| Described::read(&description));
        let taps_len = known.by_interface.len();
        let key = (number, name.clone(), link_type.0);
        let tap = match known.by_interface.get(&key) {
            _ if number >= MAX_INTERFACES => return None,
            Some(tap) => *tap,
            None if taps_len >= MAX_INTERFACES => return None,
            None => {
                let tap = taps.open(name.as_deref(), described, link_type);
                known.by_interface.insert(key, tap);
                tap
            }
        };
        let ticks_per_second = options::number(&block.options, IF_TSRESOL, big_endian)
            .and_then(|value| ticks_per_second(value as u8))
            .unwrap_or(DEFAULT_TICKS_PER_SECOND);
        Some(Self {
            tap,
            link_type,
            snaplen: block.snaplen,
            dropped: 0,
            ticks_per_second,
            nanos_per_tick: nanos_per_tick(ticks_per_second),
            offset_secs: options::number(&block.options, IF_TSOFFSET, big_endian)
                .unwrap_or(0)
                .cast_signed(),
        })
    }

    /// A packet's time from its count of this interface's units.
    #[inline]
    pub(super) fn time_of(&self, ticks: u64) -> Timestamp {
        let divided = || {
            let nanos = u128::from(ticks) * NANOS_PER_SECOND / self.ticks_per_second;
            u64::try_from(nanos).unwrap_or(u64::MAX)
        };
        let nanos = self
            .nanos_per_tick
            .map_or_else(divided, |nanos| ticks.saturating_mul(nanos));
        let nanos = i64::try_from(nanos).unwrap_or(i64::MAX);
        Timestamp(nanos.saturating_add(self.offset_secs.saturating_mul(1_000_000_000)))
    }
}

/// Nanoseconds in a unit of which there are so many in a second, where that is a whole number.
fn nanos_per_tick(ticks_per_second: u128) -> Option<u64> {
    let is_whole = NANOS_PER_SECOND.is_multiple_of(ticks_per_second);
    is_whole.then(|| u64::try_from(NANOS_PER_SECOND / ticks_per_second).ok())?
}

/// Reads `if_tsresol`: a power of ten, or of two with the highest bit set. `None` if it is beyond any clock.
fn ticks_per_second(resolution: u8) -> Option<u128> {
    let exponent = u32::from(resolution & 0x7f);
    let (base, longest): (u128, u32) = if resolution & 0x80 == 0 {
        (10, 19)
    } else {
        (2, 63)
    };
    (exponent <= longest).then(|| base.pow(exponent))
}

#[cfg(test)]
mod tests {
    use rtspscope_wire::TapId;

    use super::*;

    fn interface(ticks_per_second: u128, offset_secs: i64) -> Interface {
        Interface {
            tap: Tap::Open(TapId(0)),
            link_type: LinkType::ETHERNET,
            snaplen: 0,
            dropped: 0,
            ticks_per_second,
            nanos_per_tick: nanos_per_tick(ticks_per_second),
            offset_secs,
        }
    }

    #[test]
    fn a_whole_number_of_nanoseconds_needs_no_division() {
        assert_eq!(nanos_per_tick(1_000_000), Some(1_000));
        assert_eq!(nanos_per_tick(1_000_000_000), Some(1));
        assert_eq!(nanos_per_tick(1_024), None);
        assert_eq!(nanos_per_tick(10_u128.pow(12)), None);
    }

    #[test]
    fn every_resolution_becomes_nanoseconds() {
        assert_eq!(ticks_per_second(6), Some(1_000_000));
        assert_eq!(ticks_per_second(0x8a), Some(1_024));
        assert_eq!(ticks_per_second(0x7f), None);
        assert_eq!(
            interface(1_000_000, 0).time_of(1_500_000),
            Timestamp(1_500_000_000)
        );
        assert_eq!(interface(1_024, 0).time_of(512), Timestamp(500_000_000));
        assert_eq!(
            interface(1_000_000_000, 0).time_of(1_700_000_000_123_456_789),
            Timestamp(1_700_000_000_123_456_789)
        );
    }

    #[test]
    fn the_offset_is_in_seconds() {
        assert_eq!(interface(1_000, 10).time_of(500), Timestamp(10_500_000_000));
        assert_eq!(interface(1_000, -1).time_of(500), Timestamp(-500_000_000));
    }

    #[test]
    fn times_beyond_the_clock_stop_at_its_end() {
        assert_eq!(
            interface(1, i64::MAX).time_of(u64::MAX),
            Timestamp(i64::MAX)
        );
    }
}
