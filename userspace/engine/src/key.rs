//! The key of the engine's big tables: small and quick to hash, because every packet is looked up by it.

mod index;

use std::net::{IpAddr, SocketAddr};

use rtspscope_wire::TapId;

pub(crate) use index::Index;

/// Two ends at a tap, in the order in which they are given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct FlowKey {
    from_ip: u128,
    to_ip: u128,
    ports_and_tap: u64,
}

impl FlowKey {
    pub(crate) fn new(tap: TapId, from: SocketAddr, to: SocketAddr) -> Self {
        let ports = u64::from(from.port()) << 16 | u64::from(to.port());
        Self {
            from_ip: bits(from.ip()),
            to_ip: bits(to.ip()),
            ports_and_tap: ports << 16 | u64::from(tap.0),
        }
    }

    /// A few bits in which keys that are in use together differ, most often.
    #[inline]
    const fn mark(&self) -> u64 {
        self.ports_and_tap ^ self.from_ip as u64 ^ (self.to_ip as u64).rotate_left(24)
    }
}

fn bits(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(v4) => u128::from(v4.to_bits()),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}
