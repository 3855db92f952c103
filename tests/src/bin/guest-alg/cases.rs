//! The cases: what the client asks for, whether the router has the helper, and what is true of the outcome.

/// Ports of the client where a case does not say otherwise.
const PORTS: &str = "RTP/AVP;unicast;client_port=9998-9999";

/// One case.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Case {
    /// Name of its captures.
    pub(crate) name: &'static str,
    /// The TCP port of which a rule gives the connections to the helper; none leaves it loaded and unused.
    pub(crate) helper: Option<u16>,
    /// What the live run says of that, by the rules themselves.
    pub(crate) assignment: &'static str,
    /// The client's Transport header, and its first port.
    pub(crate) transport: &'static str,
    pub(crate) port: u16,
    /// The client sends its SETUP in two segments.
    pub(crate) split: bool,
    /// A second client has asked for the same ports and waits with its PLAY.
    pub(crate) rival: bool,
    /// Action and effect of the ALG for each session, the first client's first.
    pub(crate) alg: &'static [[&'static str; 2]],
    /// Whether RTP and RTCP arrive inside.
    pub(crate) arrives: [bool; 2],
    /// What was rewritten for the first client: field, inside, outside. Line ends are told apart from it.
    pub(crate) rewrites: &'static [[&'static str; 3]],
    /// Codes of all findings of severity error.
    pub(crate) errors: &'static [&'static str],
    /// Codes of the lesser findings.
    pub(crate) told: &'static [&'static str],
    /// Codes that the live run alone gives, because it hears the router's own table.
    pub(crate) live_only: &'static [&'static str],
}

/// A client that does not open its ports, behind a router with the helper.
const PLAIN: Case = Case {
    name: "plain",
    helper: Some(554),
    assignment: "rule",
    transport: PORTS,
    port: 9998,
    split: false,
    rival: false,
    alg: &[["pinhole", "helped"]],
    arrives: [true, true],
    rewrites: &[],
    errors: &[],
    told: &["alg-opened-pinhole"],
    live_only: &[],
};

/// All of them.
pub(crate) const CASES: [Case; 7] = [
    Case {
        name: "no-helper",
        helper: None,
        assignment: "nothing",
        alg: &[["none", "missing"]],
        arrives: [false, false],
        errors: &["nat-no-pinhole", "rtp-never-arrived"],
        told: &[],
        ..PLAIN
    },
    Case {
        name: "other-port",
        helper: Some(8554),
        assignment: "other-ports",
        alg: &[["none", "missing"]],
        arrives: [false, false],
        errors: &["nat-no-pinhole", "rtp-never-arrived"],
        told: &[],
        live_only: &["alg-missed-setup"],
        ..PLAIN
    },
    PLAIN,
    Case {
        name: "conflict",
        rival: true,
        alg: &[["rewrite", "helped"], ["pinhole", "helped"]],
        rewrites: &[["Transport.client_port", "9998-9999", "10000-10001"]],
        told: &[
            "alg-rewrote-message",
            "alg-reply-not-restored",
            "alg-opened-pinhole",
        ],
        ..PLAIN
    },
    Case {
        name: "destination-last",
        transport: "RTP/AVP;unicast;client_port=9998-9999;destination=192.168.1.100",
        alg: &[["rewrite", "damaged"]],
        arrives: [false, false],
        rewrites: &[["Transport.destination", "192.168.1.100", "203.0.113.1"]],
        errors: &["alg-corrupted-message", "request-unanswered"],
        told: &["alg-rewrote-message"],
        ..PLAIN
    },
    Case {
        name: "split",
        split: true,
        alg: &[["none", "missing"]],
        arrives: [false, false],
        errors: &["nat-no-pinhole", "rtp-never-arrived"],
        told: &[],
        live_only: &["alg-missed-setup"],
        ..PLAIN
    },
    Case {
        name: "odd-ports",
        transport: "RTP/AVP;unicast;client_port=5121-5122",
        port: 5121,
        arrives: [true, false],
        told: &["alg-opened-pinhole", "rtcp-never-arrived"],
        ..PLAIN
    },
];
