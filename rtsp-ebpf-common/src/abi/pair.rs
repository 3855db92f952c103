//! Pairs of hosts that speak RTSP with each other: their key, and their mark in front of the table of pairs.

use core::net::IpAddr;

use super::{Address, address_bytes};
use crate::verifier::hide;

/// Two hosts that speak RTSP with each other, at one tap; the lower address first.
#[repr(C, align(8))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct PeerKey {
    /// The lower address.
    pub low: Address,
    /// The higher address.
    pub high: Address,
    /// Interface that the tap is on.
    pub ifindex: u32,
    /// Zero.
    pub pad: u32,
}

impl PeerKey {
    /// The key of two hosts, in any order.
    pub fn new(hosts: (IpAddr, IpAddr), ifindex: u32) -> Self {
        let (one, other) = (address_bytes(hosts.0), address_bytes(hosts.1));
        // The kernel programs compare halves of addresses as they lie in memory.
        let number = |address: &Address| {
            let (halves, _) = address.as_chunks::<8>();
            [halves[0], halves[1]].map(u64::from_ne_bytes)
        };
        let (low, high) = if number(&one) <= number(&other) {
            (one, other)
        } else {
            (other, one)
        };
        Self {
            low,
            high,
            ifindex,
            pad: 0,
        }
    }
}

/// Places for the marks of pairs, as a power of two.
const PAIR_BITS: u32 = 14;

/// Places for the marks of pairs.
pub const PAIR_PLACES: usize = 1 << PAIR_BITS;

/// Marks of pairs of hosts by their [`pair_place`]; 0 where none of those that share it speaks RTSP.
pub type PairMarks = [u8; PAIR_PLACES];

/// 2^32 by the square of the golden ratio: spreads neighbouring numbers (Knuth, The Art of Computer Programming, vol. 3,
/// §6.4), and fits in an instruction.
pub const GOLDEN: u64 = 0x61c8_8647;

/// The place of a pair's mark, by the sum of their folded addresses: the same in both directions.
#[inline(always)]
pub fn pair_place(sum: u64) -> usize {
    hide(sum.wrapping_mul(GOLDEN) >> (32 - PAIR_BITS)) as usize & (PAIR_PLACES - 1)
}

/// An address in four bytes. An IPv4 address folds to itself; of an IPv6 address the words that tell hosts apart.
#[allow(
    clippy::many_single_char_names,
    reason = "bytes in their order, which the kernel programs read as words"
)]
#[inline(always)]
pub fn fold(address: &Address) -> u64 {
    let [a, b, c, d, e, f, g, h, _, _, _, _, m, n, o, p] = *address;
    fold_words([[a, b, c, d], [e, f, g, h], [m, n, o, p]].map(u32::from_ne_bytes))
}

/// The same of the first, second and last word of an address.
#[inline(always)]
pub fn fold_words(words: [u32; 3]) -> u64 {
    u64::from(words[0] ^ words[1] ^ words[2])
}

/// Marks these pairs.
pub fn pair_marks(pairs: impl IntoIterator<Item = (IpAddr, IpAddr)>) -> PairMarks {
    let mut marks = [0; PAIR_PLACES];
    for (one, other) in pairs {
        let sum = fold(&address_bytes(one)) + fold(&address_bytes(other));
        if let Some(mark) = marks.get_mut(pair_place(sum)) {
            *mark = 1;
        }
    }
    marks
}
