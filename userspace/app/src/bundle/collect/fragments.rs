//! IP fragments: a packet is kept with all its fragments, also with those that passed before it was known to matter.

use std::collections::VecDeque;
use std::net::IpAddr;

use rtspscope_wire::TapId;
use rtspscope_wire::decode::IpPacket;

use super::super::{Kept, Reason};

/// Fragmented packets that are remembered at one time.
const MAX_PACKETS: usize = 64;

/// Fragments of one packet that are remembered.
const MAX_PIECES: usize = 64;

/// Packets of which fragments passed lately.
#[derive(Debug, Default)]
pub(super) struct Fragments {
    packets: VecDeque<Packet>,
}

#[derive(Debug)]
struct Packet {
    key: (TapId, u32, u8, IpAddr, IpAddr),
    /// Fragments that passed before the packet was known to matter.
    before: Vec<(u64, Kept)>,
    matters: bool,
}

impl Fragments {
    /// Takes a fragment, kept with the reasons that are known for it; gives those that are to be kept now.
    pub(super) fn handle(
        &mut self,
        packet: &IpPacket<'_>,
        order: u64,
        kept: Kept,
    ) -> Vec<(u64, Kept)> {
        let Some(fragment) = packet.fragment else {
            return Vec::new();
        };
        let key = (
            kept.tap,
            fragment.id,
            packet.protocol,
            packet.source,
            packet.destination,
        );
        let known = self.packets.iter().rposition(|packet| packet.key == key);
        let at = known.unwrap_or_else(|| {
            if self.packets.len() >= MAX_PACKETS {
                self.packets.pop_front();
            }
            self.packets.push_back(Packet {
                key,
                before: Vec::new(),
                matters: false,
            });
            self.packets.len() - 1
        });
        let Some(packet) = self.packets.get_mut(at) else {
            return Vec::new();
        };
        packet.matters |= !kept.reasons.is_empty();
        if packet.before.len() < MAX_PIECES {
            packet.before.push((order, kept));
        }
        if !packet.matters {
            return Vec::new();
        }
        let mut all = std::mem::take(&mut packet.before);
        for (_, kept) in &mut all {
            if kept.reasons.is_empty() {
                kept.reasons.push(Reason {
                    text: "IP fragment of a packet that matters".to_owned(),
                    proves: None,
                });
            }
        }
        all
    }
}
