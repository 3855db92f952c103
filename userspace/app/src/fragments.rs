//! IP fragments: a packet is kept with all its fragments, also with those that passed before it was known to matter.

use std::collections::VecDeque;
use std::net::IpAddr;

use rtspscope_wire::TapId;
use rtspscope_wire::decode::IpPacket;

/// Fragmented packets that are remembered at one time.
const MAX_PACKETS: usize = 64;

/// Fragments of one packet that are remembered.
const MAX_PIECES: usize = 64;

/// Packets of which fragments passed lately.
#[derive(Debug)]
pub(crate) struct Fragments<T> {
    packets: VecDeque<Packet<T>>,
}

#[derive(Debug)]
struct Packet<T> {
    key: (TapId, u32, u8, IpAddr, IpAddr),
    /// Fragments that passed before the packet was known to matter.
    before: Vec<T>,
    matters: bool,
}

impl<T> Default for Fragments<T> {
    fn default() -> Self {
        Self {
            packets: VecDeque::new(),
        }
    }
}

impl<T> Fragments<T> {
    /// Takes a fragment that came at a tap, and whether it shows that its packet matters; gives those that are to be kept
    /// now, in their order. A packet that is no fragment is not for here.
    pub(crate) fn handle(
        &mut self,
        tap: TapId,
        packet: &IpPacket<'_>,
        matters: bool,
        kept: T,
    ) -> Vec<T> {
        let Some(fragment) = packet.fragment else {
            return Vec::new();
        };
        let key = (
            tap,
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
        packet.matters |= matters;
        if packet.before.len() < MAX_PIECES {
            packet.before.push(kept);
        }
        if packet.matters {
            std::mem::take(&mut packet.before)
        } else {
            Vec::new()
        }
    }
}
