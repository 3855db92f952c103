//! What connection tracking says of the scenes' sessions.

use rtspscope_wire::TapId;
use rtspscope_wire::netfilter::{Status, Tuple};

use super::{addr, at};
use crate::locator::Locator;
use crate::model::{Expected, Mapping};

/// The place of a message that was told after `secs`.
pub(crate) fn told_at(secs: f64, number: u64) -> Locator {
    at(TapId::NETFILTER, secs, number)
}

fn tuple(protocol: u8, from: &str, to: &str) -> Tuple {
    Tuple {
        protocol,
        from: addr(from),
        to: addr(to),
    }
}

/// A masqueraded UDP flow: `from` to `to` leaves as `outside`.
pub(crate) fn mapping(from: &str, to: &str, outside: &str) -> Mapping {
    masqueraded(Tuple::UDP, from, to, outside)
}

/// The entry of the RTSP connection of a client behind the NAT.
pub(crate) fn connection(helper: Option<&str>) -> Mapping {
    Mapping {
        helper: helper.map(str::to_owned),
        ..masqueraded(
            Tuple::TCP,
            "192.168.1.100:40000",
            "203.0.113.10:554",
            "203.0.113.1:40000",
        )
    }
}

fn masqueraded(protocol: u8, from: &str, to: &str, outside: &str) -> Mapping {
    Mapping {
        original: tuple(protocol, from, to),
        reply: tuple(protocol, to, outside),
        zone: 0,
        status: Status::SRC_NAT,
        status_at: told_at(0.0, 3),
        timeout_secs: None,
        helper: None,
        master: None,
        sequence_offsets: None,
        began: true,
        first: told_at(0.0, 3),
        ended: None,
    }
}

/// What the helper `rtsp` expects for that connection: media of the camera at a port of the router.
pub(crate) fn expected(port: u16) -> Expected {
    Expected {
        master: tuple(Tuple::TCP, "192.168.1.100:40000", "203.0.113.10:554"),
        expected: tuple(Tuple::UDP, "203.0.113.10:0", &format!("203.0.113.1:{port}")),
        forwarded_to: None,
        zone: 0,
        helper: Some("rtsp".to_owned()),
        timeout_secs: Some(300),
        first: told_at(0.02, 9),
        ended: None,
    }
}
