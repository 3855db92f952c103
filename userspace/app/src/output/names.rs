//! The fixed words of the contract for what the engine's enumerations say.

use rtspscope_engine::model::{
    AlgAction, AlgEffect, DiffClass, MediaDirection, MediaHint, PairEvidence, ParameterSets,
    SessionState, Side, TransportKind,
};
use rtspscope_engine::{LossKind, Severity};
use rtspscope_wire::{LinkType, TapId, TapRole};

pub(crate) const fn role(role: TapRole) -> &'static str {
    match role {
        TapRole::Lan => "lan",
        TapRole::Wan => "wan",
        TapRole::Mirror => "mirror",
        TapRole::Unknown => "unknown",
    }
}

pub(crate) const fn state(state: SessionState) -> &'static str {
    match state {
        SessionState::Negotiating => "negotiating",
        SessionState::Playing => "playing",
        SessionState::Ended => "ended",
        SessionState::Failed => "failed",
    }
}

pub(crate) const fn parameter_sets(parameter_sets: ParameterSets) -> &'static str {
    match parameter_sets {
        ParameterSets::Missing => "missing",
        ParameterSets::Sdp => "sdp",
        ParameterSets::InBand => "in-band",
        ParameterSets::Both => "both",
    }
}

pub(crate) const fn transport(transport: TransportKind) -> &'static str {
    match transport {
        TransportKind::Udp => "udp",
        TransportKind::Tcp => "tcp",
        TransportKind::Multicast => "multicast",
        TransportKind::HttpTunnel => "http-tunnel",
        TransportKind::Tls => "tls",
        TransportKind::Unknown => "unknown",
    }
}

pub(crate) const fn direction(direction: MediaDirection) -> &'static str {
    match direction {
        MediaDirection::FromServer => "from-server",
        MediaDirection::FromClient => "from-client",
    }
}

pub(crate) const fn hint(hint: MediaHint) -> &'static str {
    match hint {
        MediaHint::RtpSequence => "rtp-sequence",
        MediaHint::SameHosts => "same-hosts",
        MediaHint::SameSource => "same-source",
        MediaHint::Reports => "reports",
        MediaHint::RtpInfo => "rtp-info",
    }
}

pub(crate) const fn side(side: Side) -> &'static str {
    match side {
        Side::Client => "client",
        Side::Server => "server",
    }
}

pub(crate) const fn evidence(evidence: PairEvidence) -> &'static str {
    match evidence {
        PairEvidence::Conntrack => "conntrack",
        PairEvidence::TcpSequence => "tcp-sequence",
        PairEvidence::Content => "content",
    }
}

pub(crate) const fn class(class: DiffClass) -> &'static str {
    match class {
        DiffClass::Alg => "alg",
        DiffClass::Corruption => "corruption",
    }
}

pub(crate) const fn action(action: AlgAction) -> &'static str {
    match action {
        AlgAction::None => "none",
        AlgAction::Pinhole => "pinhole",
        AlgAction::Rewrite => "rewrite",
        AlgAction::Proxy => "proxy",
        AlgAction::Unknown => "unknown",
    }
}

pub(crate) const fn effect(effect: AlgEffect) -> &'static str {
    match effect {
        AlgEffect::Harmless => "harmless",
        AlgEffect::Helped => "helped",
        AlgEffect::Damaged => "damaged",
        AlgEffect::Missing => "missing",
        AlgEffect::Unknown => "unknown",
    }
}

pub(crate) const fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "info",
    }
}

pub(crate) const fn loss(kind: LossKind) -> &'static str {
    match kind {
        LossKind::RingFull => "ring-full",
        LossKind::MapFull => "map-full",
        LossKind::LoadFailed => "load-failed",
        LossKind::NotParsed => "not-parsed",
        LossKind::DroppedByCapture => "dropped-by-capture",
        LossKind::FileCut => "file-cut",
        LossKind::ConnectionCap => "connection-cap",
        LossKind::FlowCap => "flow-cap",
        LossKind::MessageCap => "message-cap",
        LossKind::EventCap => "event-cap",
        LossKind::Fragments => "fragments",
        LossKind::NetfilterOverrun => "netfilter-overrun",
        LossKind::NetfilterCap => "netfilter-cap",
        LossKind::EndpointCap => "endpoint-cap",
    }
}

/// What stands in the place of a tap's name where `tap` is none of the taps.
pub(crate) fn no_tap(tap: TapId) -> String {
    if tap == TapId::NETFILTER {
        "netfilter".to_owned()
    } else {
        format!("tap {}", tap.0)
    }
}

pub(crate) fn link_type(link_type: LinkType) -> String {
    let name = match link_type {
        LinkType::NULL => "null",
        LinkType::ETHERNET => "ethernet",
        LinkType::RAW => "raw",
        LinkType::LOOP => "loop",
        LinkType::LINUX_SLL => "linux-sll",
        LinkType::NETLINK => "netlink",
        LinkType::IPV4 => "ipv4",
        LinkType::IPV6 => "ipv6",
        LinkType::LINUX_SLL2 => "linux-sll2",
        LinkType(number) => return format!("linktype-{number}"),
    };
    name.to_owned()
}

/// So many of something.
pub(crate) fn count(number: u64, what: &str) -> String {
    match number {
        1 => format!("1 {what}"),
        _ => format!("{number} {what}s"),
    }
}
