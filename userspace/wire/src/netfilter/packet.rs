//! The cooked header before netlink messages in a capture (`LINKTYPE_NETLINK`): as of a Linux cooked capture, with the
//! netlink family where the protocol stands.

/// The family of netfilter's messages (`NETLINK_NETFILTER`).
const NETFILTER: u16 = 12;

/// Type of the device that carries netlink (`ARPHRD_NETLINK`).
const ARPHRD_NETLINK: u16 = 824;

/// From the kernel to programs (`PACKET_USER`).
const TO_PROGRAMS: u16 = 6;

/// The header of a packet of netfilter's messages: packet type, device type, no address, family; in network order.
pub const PACKET_HEADER: [u8; 16] = {
    let [t0, t1] = TO_PROGRAMS.to_be_bytes();
    let [d0, d1] = ARPHRD_NETLINK.to_be_bytes();
    let [f0, f1] = NETFILTER.to_be_bytes();
    [t0, t1, d0, d1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, f0, f1]
};

/// The messages in a captured packet of netlink; `None` where they are of another family than netfilter's.
pub fn in_packet(packet: &[u8]) -> Option<&[u8]> {
    let (header, messages) = packet.split_first_chunk::<{ PACKET_HEADER.len() }>()?;
    header
        .ends_with(&NETFILTER.to_be_bytes())
        .then_some(messages)
}
