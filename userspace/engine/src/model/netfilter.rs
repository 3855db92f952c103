//! What the router's own connection tracking says of a session.

use std::net::SocketAddr;

use rtspscope_wire::netfilter::{Status, Tuple};

use crate::locator::Locator;

/// What the router's connection tracking says of a session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Netfilter {
    /// The entry of the RTSP connection.
    pub connection: Option<Mapping>,
    /// Entries of UDP flows of the client's media ports, in the order in which they were told.
    pub mappings: Vec<Mapping>,
    /// What a helper (ALG) expected for the session, in the order in which it was told.
    pub expectations: Vec<Expected>,
}

impl Netfilter {
    /// Name of the helper that reads the connection, or that expected something for it.
    pub fn helper(&self) -> Option<&str> {
        let of_entry = self.connection.iter().map(|entry| &entry.helper);
        let of_expected = self.expectations.iter().map(|expected| &expected.helper);
        of_entry.chain(of_expected).find_map(Option::as_deref)
    }
}

/// An entry of connection tracking, as far as it was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// The first packet's ends as it came to the router.
    pub original: Tuple,
    /// An answer's ends as it comes to the router.
    pub reply: Tuple,
    /// Zone that keeps equal tuples apart.
    pub zone: u16,
    /// All state bits that it had at any time.
    pub status: Status,
    /// The message that added the last of them.
    pub status_at: Locator,
    /// Longest time that was told until it ends without a packet, in seconds.
    pub timeout_secs: Option<u32>,
    /// Name of the helper that reads along.
    pub helper: Option<String>,
    /// The connection whose helper expected this one.
    pub master: Option<Tuple>,
    /// Bytes by which a helper made the text longer, in the original and in the reply direction.
    pub sequence_offsets: Option<[i32; 2]>,
    /// Whether its beginning was told; else it was there before.
    pub began: bool,
    /// First message about it.
    pub first: Locator,
    /// Its end.
    pub ended: Option<Locator>,
}

impl Mapping {
    /// Whether one of its ends, inside or outside, is `end`.
    pub fn touches(&self, end: SocketAddr) -> bool {
        let tuples = [self.original, self.reply];
        tuples
            .iter()
            .any(|tuple| tuple.from == end || tuple.to == end)
    }

    /// The sender as it comes and as it leaves, where the router changes it.
    pub fn source_translated(&self) -> Option<(SocketAddr, SocketAddr)> {
        let (inside, outside) = (self.original.from, self.reply.to);
        (inside != outside).then_some((inside, outside))
    }

    /// Whether its packets go past netfilter or past the processor.
    pub fn offloaded(&self) -> bool {
        self.status.has(Status::OFFLOAD) || self.status.has(Status::HW_OFFLOAD)
    }
}

/// A connection that a helper expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// The RTSP connection, as its first packet came to the router.
    pub master: Tuple,
    /// What was expected; port 0 stands for any.
    pub expected: Tuple,
    /// Where it is sent on to, where the helper says.
    pub forwarded_to: Option<SocketAddr>,
    /// Zone that keeps equal tuples apart.
    pub zone: u16,
    /// Name of the helper.
    pub helper: Option<String>,
    /// Time until it ends, in seconds.
    pub timeout_secs: Option<u32>,
    /// First message about it.
    pub first: Locator,
    /// Its end: the expected packet came, or its time was over.
    pub ended: Option<Locator>,
}
