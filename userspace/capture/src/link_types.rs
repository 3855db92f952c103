//! Link types as files number them, and which of them can be decoded.

use rtspscope_wire::LinkType;

/// Whether frames of this type can be decoded.
pub(super) const fn is_readable(link_type: LinkType) -> bool {
    matches!(
        link_type,
        LinkType::NULL
            | LinkType::ETHERNET
            | LinkType::RAW
            | LinkType::LOOP
            | LinkType::LINUX_SLL
            | LinkType::NETLINK
            | LinkType::IPV4
            | LinkType::IPV6
            | LinkType::LINUX_SLL2
    )
}

/// The link type of a file's header field: its low 16 bits, the numbers of raw IP that differ by platform made one.
pub(super) fn link_type_of(field: u32) -> LinkType {
    match field as u16 {
        12 | 14 => LinkType::RAW,
        number => LinkType(number),
    }
}

/// A link type with its name in the libpcap registry, where people meet it.
pub(super) fn named(link_type: LinkType) -> String {
    let name = match link_type.0 {
        9 => "PPP",
        50 => "PPP in HDLC framing",
        51 => "PPPoE",
        105 => "IEEE 802.11",
        127 => "IEEE 802.11 with radiotap header",
        189 | 220 => "USB",
        187 | 201 => "Bluetooth",
        _ => return format!("link type {}", link_type.0),
    };
    format!("link type {} ({name})", link_type.0)
}
