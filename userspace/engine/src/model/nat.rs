//! How two legs belong together, what differs between them, and what an ALG did.

use crate::locator::Locator;

/// Two legs of one connection.
#[derive(Clone, Debug)]
pub struct NatPair {
    /// Index of the leg on the private side in [`Session::legs`](super::Session::legs).
    pub pre: usize,
    /// Index of the leg on the public side.
    pub post: usize,
    /// What shows that they belong together; never empty.
    pub evidence: Vec<PairEvidence>,
    /// Two TCP connections with different initial sequence numbers.
    pub proxied: bool,
    /// Bytes by which the client's stream is longer at the post-NAT tap at its end; 0 where nothing was rewritten,
    /// `None` for a proxy, and where a tap began after the stream did.
    pub sequence_delta: Option<i64>,
    /// Messages and fields that differ, in order of the message.
    pub rewrites: Vec<FieldDiff>,
    /// Whether the NAT translated the client's address (masquerade) rather than, or besides, the server's.
    pub client_translated: bool,
}

impl NatPair {
    /// Whether the client's text changed its length in the router, wherever that was.
    pub fn lengthened(&self) -> bool {
        !self.proxied && self.sequence_delta.is_some_and(|delta| delta != 0)
    }
}

/// A hint that two legs are one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PairEvidence {
    /// The kernel's connection tracking names both tuples.
    Conntrack,
    /// The initial sequence numbers are equal, or those of two parts of one session are near each other.
    TcpSequence,
    /// The messages are the same by CSeq, URI and order.
    Content,
}

/// One field of one message that differs between the legs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldDiff {
    /// Method of the exchange.
    pub method: String,
    /// In the response rather than in the request.
    pub in_response: bool,
    /// CSeq of the message.
    pub cseq: Option<u32>,
    /// The field's name by meaning: `Transport.client_port`, `sdp.c.address`, a header's name, `line-ending`, …
    pub field: String,
    /// Value at the pre-NAT leg; `None` where the field is absent there.
    pub pre: Option<String>,
    /// Value at the post-NAT leg; `None` where the field is absent there.
    pub post: Option<String>,
    /// The line in which the field stands at the pre-NAT leg, byte by byte with its line end; `None` where it is absent or
    /// no single line. Credentials included: outputs redact.
    pub pre_raw: Option<Vec<u8>>,
    /// The same at the post-NAT leg.
    pub post_raw: Option<Vec<u8>>,
    /// Whether the change makes sense or breaks the message.
    pub class: DiffClass,
    /// The message at the pre-NAT leg.
    pub pre_at: Locator,
    /// The message at the post-NAT leg.
    pub post_at: Locator,
}

/// What kind of change a [`FieldDiff`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DiffClass {
    /// A deliberate rewrite of an address or port.
    Alg,
    /// Damage: the message is no longer what its sender meant or its receiver can read.
    Corruption,
}

/// The two separate judgements on an ALG.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct AlgJudgement {
    /// What it did.
    pub action: AlgAction,
    /// What that did to the session.
    pub effect: AlgEffect,
}

/// What an ALG did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Hash)]
pub enum AlgAction {
    /// No trace of one.
    None,
    /// Media was let in that nothing inside had asked for by sending first.
    Pinhole,
    /// A message differs between the taps.
    Rewrite,
    /// The legs are two TCP connections.
    Proxy,
    /// Only one side is visible, or the text is encrypted.
    #[default]
    Unknown,
}

/// What the ALG, or the lack of one, did to the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Hash)]
pub enum AlgEffect {
    /// The session works, or would have worked, without it.
    Harmless,
    /// Media arrives that plain NAT would not have let in.
    Helped,
    /// The change broke the session or part of it.
    Damaged,
    /// Media was lost for want of one.
    Missing,
    /// Cannot be judged.
    #[default]
    Unknown,
}
