//! libpcap on an interface: two handles, one for each direction, because a packet of libpcap does not tell its own.

use std::io;

use pcap::{Active, Capture, Direction as Ways, Error, Precision};
use rtsp_ebpf_common::abi::{Direction, Reason, RecordHeader};
use rtspscope_wire::{LinkType, TapRole};

use super::LiveOptions;
use super::copied::Reader;
use super::error::LiveError;
use super::interfaces::Interface;

/// Bytes of a frame that are kept: tcpdump's default. Of frames beyond 64 KiB (BIG TCP) libpcap 1.10 keeps less in its
/// immediate mode, without which the two directions would come apart.
const SNAP_LEN: i32 = 256 << 10;

/// Raw IP by libpcap's own number, which is not its link type's.
const DLT_RAW: i32 = 12;

/// One direction of an interface.
struct Handle {
    capture: Capture<Active>,
    direction: Direction,
    /// What libpcap said of drops when it was last asked; it counts in 32 bits.
    dropped: u32,
}

/// Both directions, or one of a mirror port.
struct Handles {
    handles: Vec<Handle>,
    link_type: LinkType,
}

/// Opens the handles.
pub(super) fn open(
    interface: &Interface,
    options: &LiveOptions,
) -> Result<Box<dyn Reader>, LiveError> {
    let failed = |error| LiveError::Pcap {
        name: interface.name.clone(),
        error,
    };
    let is_mirror = interface.role == TapRole::Mirror;
    let directions: &[_] = if is_mirror {
        &[Direction::Ingress]
    } else {
        &[Direction::Ingress, Direction::Egress]
    };
    let handles: Result<Vec<Handle>, Error> = directions
        .iter()
        .map(|direction| handle(interface, options, *direction))
        .collect();
    let handles = handles.map_err(failed)?;
    let number = handles
        .first()
        .map(|handle| handle.capture.get_datalink().0);
    let link_type = match number {
        Some(DLT_RAW) => LinkType::RAW,
        Some(number) => LinkType(u16::try_from(number).unwrap_or(u16::MAX)),
        None => interface.link_type,
    };
    Ok(Box::new(Handles { handles, link_type }))
}

fn handle(
    interface: &Interface,
    options: &LiveOptions,
    direction: Direction,
) -> Result<Handle, Error> {
    let room = i32::try_from(options.room_bytes()).unwrap_or(i32::MAX);
    let capture = Capture::from_device(interface.name.as_str())?
        .promisc(interface.role == TapRole::Mirror)
        .snaplen(SNAP_LEN)
        .buffer_size(room)
        .precision(Precision::Nano)
        .immediate_mode(true)
        .open()?
        .setnonblock()?;
    capture.direction(match direction {
        Direction::Ingress => Ways::In,
        Direction::Egress => Ways::Out,
    })?;
    Ok(Handle {
        capture,
        direction,
        dropped: 0,
    })
}

impl Reader for Handles {
    fn read(
        &mut self,
        most: usize,
        take: &mut dyn FnMut(RecordHeader, &[u8]),
    ) -> io::Result<usize> {
        let mut largest = 0;
        for handle in &mut self.handles {
            largest = largest.max(handle.read(most, take)?);
        }
        Ok(largest)
    }

    fn newly_dropped(&mut self) -> u64 {
        let handles = self.handles.iter_mut();
        handles
            .map(|handle| u64::from(handle.newly_dropped()))
            .sum()
    }

    fn link_type(&self) -> LinkType {
        self.link_type
    }
}

impl Handle {
    fn read(
        &mut self,
        most: usize,
        take: &mut dyn FnMut(RecordHeader, &[u8]),
    ) -> io::Result<usize> {
        for count in 0..most {
            match self.capture.next_packet() {
                Ok(packet) => {
                    let header = header(&packet, self.direction);
                    take(header, packet.data);
                }
                Err(Error::TimeoutExpired | Error::NoMorePackets) => return Ok(count),
                Err(error) => return Err(io::Error::other(error.to_string())),
            }
        }
        Ok(most)
    }

    fn newly_dropped(&mut self) -> u32 {
        let now = self
            .capture
            .stats()
            .map_or(self.dropped, |stat| stat.dropped);
        let more = now.wrapping_sub(self.dropped);
        self.dropped = now;
        more
    }
}

/// libpcap has put a tag back that the device took out, and gives ns in the place of µs, as was asked of it.
#[allow(
    clippy::useless_conversion,
    reason = "the numbers are narrower on 32-bit machines"
)]
fn header(packet: &pcap::Packet<'_>, direction: Direction) -> RecordHeader {
    let time = packet.header.ts;
    let at_ns = i64::from(time.tv_sec)
        .saturating_mul(1_000_000_000)
        .saturating_add(i64::from(time.tv_usec));
    RecordHeader {
        at_ns: at_ns.max(0).cast_unsigned(),
        ifindex: 0,
        original_len: packet.header.len,
        captured_len: packet.header.caplen,
        gso_size: 0,
        report_at: 0,
        vlan_protocol: 0,
        vlan_tci: 0,
        direction: direction as u8,
        reason: Reason::Control as u8,
        walk: 0,
        pad: 0,
    }
}
