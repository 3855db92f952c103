//! ICMP: errors that quote a packet of a followed flow or of an RTSP connection go to the ring, and so does what hosts say
//! of group membership (IGMP, MLD): seldom, small, and nobody knows yet whose group will matter.

use rtsp_ebpf_common::abi::Local;

use crate::control::{is_listed, write_connection, write_peers};
use crate::head::Head;
use crate::headers::{self, ICMPV6, IGMP, TCP, UDP};
use crate::local;
use crate::maps::{CONNECTIONS, FLOWS_INDEX, PEERS};
use crate::tap::Outcome;

/// Bytes of an ICMP header before what it quotes.
const ICMP_LEN: u32 = 8;

/// Handles an ICMP, ICMPv6 or IGMP message whose headers were read; who called copies what is wanted.
#[inline(always)]
pub(crate) fn handle() -> Outcome {
    let Some(Local {
        headers,
        facts,
        quoted,
        connection,
        peers,
        ..
    }) = local::get()
    else {
        return Outcome::LoadFailed;
    };
    let head = Head::loaded_before(headers, facts.loaded);
    let at = facts.transport_at;
    if head.need(at, ICMP_LEN).is_err() {
        return Outcome::Ignored;
    }
    let (protocol, kind) = (facts.protocol as u8, head.u8(at));
    if is_membership(protocol, kind) {
        return Outcome::WantedMembership;
    }
    if !is_error(protocol, kind) {
        return Outcome::Ignored;
    }
    // A quote that cannot be read belongs to nobody.
    if headers::read_quoted(&head, at + ICMP_LEN, quoted).is_err()
        || head.need(quoted.transport_at, 4).is_err()
    {
        return Outcome::Ignored;
    }
    quoted.flow.ifindex = facts.flow.ifindex;
    let followed = match quoted.protocol as u8 {
        UDP => {
            write_peers(&quoted.flow, peers);
            FLOWS_INDEX.get_ptr(&quoted.flow).is_some() || PEERS.get_ptr(&*peers).is_some()
        }
        TCP => {
            write_connection(&quoted.flow, connection);
            is_listed(&quoted.flow) || CONNECTIONS.get_ptr(&*connection).is_some()
        }
        _ => false,
    };
    if followed {
        Outcome::WantedError
    } else {
        Outcome::Ignored
    }
}

/// Any message of IGMP; query, reports and done of MLD (RFC 2710 §3.1, RFC 3810 §5.2).
#[inline(always)]
fn is_membership(protocol: u8, kind: u8) -> bool {
    protocol == IGMP || protocol == ICMPV6 && matches!(kind, 130..=132 | 143)
}

/// Whether a message of this kind may be worth a copy.
#[inline(always)]
pub(crate) fn may_matter(protocol: u8, kind: u8) -> bool {
    is_membership(protocol, kind) || is_error(protocol, kind)
}

/// Destination unreachable, time exceeded, parameter problem (RFC 792); in ICMPv6 all below 128 (RFC 4443 §2.1).
#[inline(always)]
fn is_error(protocol: u8, kind: u8) -> bool {
    if protocol == ICMPV6 {
        kind < 128
    } else {
        matches!(kind, 3 | 11 | 12)
    }
}
