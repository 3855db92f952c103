//! Every cap on what a stranger's packets can make the engine keep. What falls to a cap is counted.
//!
//! With the defaults the whole program stays below 128 MiB, whatever it reads: `tests/tests/bounds.rs` measures it on
//! floods of connections, flows, messages, and bytes that wait for others.

use rtspscope_wire::Span;

/// Times in which a tap was blind; an interface may come and go for weeks.
pub(crate) const MAX_BLIND: usize = 64;

/// What a run without an end keeps of the past.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Sessions kept after their end; of more the ones go that have been silent longest.
    pub over: usize,
    /// Silence after which a session is forgotten, whether its end was seen or not, and flows that no kept session names.
    pub silent: Span,
    /// Silence before which a session that looks over is not: it may go on.
    pub settled: Span,
    /// Keepalives kept of one connection; of more those in the middle go.
    pub keepalives: usize,
}

impl Retention {
    /// What a live run keeps: enough to look back at a bad night's last hour, in a few megabytes.
    pub const LIVE: Self = Self {
        over: 256,
        silent: Span::from_secs(3_600),
        settled: Span::from_secs(10),
        keepalives: 256,
    };
}

/// What is kept of the router's setup ([`crate::router_setup`]). All of it together is shorter than an option of pcapng can
/// be, which is 64 KiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SetupLimits {
    /// Loaded helpers.
    pub helpers: usize,
    /// Rules that assign helpers.
    pub rules: usize,
    /// Flowtables.
    pub flowtables: usize,
    /// Interfaces of one flowtable.
    pub devices: usize,
    /// Ports and ranges of one rule or helper; of one with more they count as not known.
    pub ports: usize,
    /// Bytes of a rule.
    pub text_bytes: usize,
    /// Bytes of a name.
    pub name_bytes: usize,
}

impl SetupLimits {
    /// More than any router's own firewall writes.
    pub const KEPT: Self = Self {
        helpers: 8,
        rules: 32,
        flowtables: 8,
        devices: 32,
        ports: 32,
        text_bytes: 512,
        name_bytes: 64,
    };
}

/// Upper bounds of the engine's memory. The defaults hold a busy router's traffic in some tens of megabytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// TCP connections followed at one time, of any protocol; a new one beyond it replaces the oldest that does not
    /// speak RTSP, else it is refused.
    pub connections: usize,
    /// Bytes per direction after which a connection whose protocol is still undecided is let go.
    pub undecided_bytes: u64,
    /// Out-of-order bytes that one direction of a connection may hold back.
    pub buffered_bytes: usize,
    /// Out-of-order segments that one direction of a connection may hold back.
    pub buffered_segments: usize,
    /// Bytes of one RTSP message's head.
    pub head_bytes: usize,
    /// Bytes of one RTSP message's body.
    pub body_bytes: usize,
    /// Exchanges kept of one connection; of more, keepalives in the middle go first, and later ones are counted.
    pub exchanges: usize,
    /// Bytes of messages kept of one connection, with what is noted about each; later messages are counted.
    pub connection_message_bytes: usize,
    /// Bytes of messages kept of all connections; the oldest closed connection falls.
    pub message_bytes_in_all: usize,
    /// Bytes that wait in all connections for what completes them, out of order or as unfinished messages; beyond it
    /// the connection that holds most gives up what it holds.
    pub waiting_bytes_in_all: usize,
    /// Bytes of the cookie that joins the two connections of an HTTP tunnel; a longer one joins nothing.
    pub cookie_bytes: usize,
    /// Interleaved channels counted of one connection, both directions.
    pub channels: usize,
    /// Interleaved channels counted of all connections.
    pub channels_in_all: usize,
    /// Directed UDP flows followed at one time; a new one beyond it replaces the one that was idle longest.
    pub flows: usize,
    /// Restarts kept apart within one UDP flow (a port pair that a later SETUP uses again).
    pub epochs: usize,
    /// Restarts kept apart within all UDP flows; later ones are counted with the use before them.
    pub epochs_in_all: usize,
    /// Media flows and channels followed over time, where that is asked for; later ones have counts only.
    pub timelines: usize,
    /// Fragmented packets that wait for their other fragments at one time, at all taps; the oldest falls.
    pub fragmented_packets: usize,
    /// Bytes of all of them.
    pub fragment_bytes: usize,
    /// Directed UDP flows of which datagrams that come in fragments are counted.
    pub fragmented_flows: usize,
    /// Pairs of ends of which RTSP in UDP datagrams is counted.
    pub datagram_talks: usize,
    /// ICMP errors kept.
    pub icmp_errors: usize,
    /// Hosts with the multicast groups that they spoke of, of which it is kept whether they listen.
    pub group_members: usize,
    /// Connections of which it is kept what netfilter said; one that has ended falls first.
    pub tracked_connections: usize,
    /// Expectations of helpers, likewise.
    pub tracked_expectations: usize,
    /// Events waiting for [`crate::Engine::poll_output`]; the oldest falls.
    pub events: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 8_192,
            undecided_bytes: 4_096,
            buffered_bytes: 1 << 20,
            buffered_segments: 1_024,
            head_bytes: 64 << 10,
            body_bytes: 512 << 10,
            exchanges: 4_096,
            connection_message_bytes: 4 << 20,
            message_bytes_in_all: 32 << 20,
            waiting_bytes_in_all: 16 << 20,
            cookie_bytes: 256,
            channels: 64,
            channels_in_all: 8_192,
            flows: 32_768,
            epochs: 16,
            epochs_in_all: 8_192,
            timelines: 4_096,
            fragmented_packets: 256,
            fragment_bytes: 2 << 20,
            fragmented_flows: 1_024,
            datagram_talks: 64,
            icmp_errors: 4_096,
            group_members: 4_096,
            tracked_connections: 8_192,
            tracked_expectations: 2_048,
            events: 65_536,
        }
    }
}
