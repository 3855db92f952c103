//! Directions of connections, as the kernel names them.

use std::net::SocketAddr;

use rtsp_ebpf_common::abi::{ChannelKey, FlowKey, address_bytes};

/// What one end of a connection sends at one tap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::live) struct Direction {
    pub(super) connection: FlowKey,
    pub(super) sender: usize,
}

impl Direction {
    /// What `from` sends to `to` at an interface.
    pub(in crate::live) fn new(from: SocketAddr, to: SocketAddr, ifindex: u32) -> Self {
        let flow = FlowKey {
            source: address_bytes(from.ip()),
            destination: address_bytes(to.ip()),
            source_port: from.port().to_be_bytes(),
            destination_port: to.port().to_be_bytes(),
            ifindex,
        };
        let (connection, sender) = flow.connection();
        Self { connection, sender }
    }

    /// One of its channels.
    pub(super) fn channel(&self, channel: u8) -> ChannelKey {
        ChannelKey {
            connection: self.connection,
            sender: u32::from(self.sender == 1),
            channel: channel.into(),
        }
    }
}
