//! Where on the path a frame was seen.

/// Index of a tap in one run; taps are numbered in the order in which they were opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TapId(pub u16);

impl TapId {
    /// Stands for the router's own connection tracking where a fact was told by it and seen at no tap.
    pub const NETFILTER: Self = Self(u16::MAX);
}

/// Which side of the router a tap looks at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum TapRole {
    /// Between the inside hosts and the router: packets carry private addresses (pre-NAT).
    Lan,
    /// Between the router and the world: packets carry the router's public address (post-NAT).
    Wan,
    /// A mirror port: a copy of someone else's traffic.
    Mirror,
    /// Not told and not yet worked out from the packets.
    #[default]
    Unknown,
}

/// Which way a frame crossed the tapped interface, as seen by the host that captured it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Into the host.
    Ingress,
    /// Out of the host.
    Egress,
    /// The capture does not say.
    #[default]
    Unknown,
}
