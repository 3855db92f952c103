//! What the kernel programs read in a packet is what the offline decoder reads in it, field by field, for packets of
//! every shape; and the short way that most packets take counts in the same flow as the long one. Root only.

use rtsp_ebpf_common::abi::Facts;
use rtspscope_wire::decode::{Body, decode};
use rtspscope_wire::{FrameRef, LinkType, TapId, Timestamp};

use super::shapes::{IPS, Ip, LINKS, ends, frame, tcp, udp};
use super::*;

const MEDIA_PORTS: [u16; 2] = [6000, 5000];
const TEXT_PORTS: [u16; 2] = [5544, 40_000];

/// Packets of a flow that take the long way and the short one.
const PACKETS: u16 = 12;

/// What both sides say of a packet with ports: ends, protocol, where the payload begins, and its length.
pub(super) type Fields = ((SocketAddr, SocketAddr), u32, usize, u32);

/// Runs on one processor, so that its own record is the one to read.
pub(super) fn stay_on_one_processor() {
    // SAFETY: all zeros are an empty set; it lives through the call.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(0, &mut set);
        assert_eq!(
            libc::sched_setaffinity(0, size_of_val(&set), &raw const set),
            0
        );
    }
}

/// What the offline decoder reads in a packet.
pub(super) fn offline(bytes: &[u8], link_type: LinkType) -> Option<Fields> {
    let decoded = decode(&FrameRef {
        at: Timestamp(0),
        tap: TapId(0),
        direction: rtspscope_wire::Direction::Ingress,
        link_type,
        number: 1,
        original_len: bytes.len() as u32,
        bytes,
    });
    let place = |payload: &[u8]| payload.as_ptr() as usize - bytes.as_ptr() as usize;
    match decoded.body {
        Body::Udp(datagram) => Some((
            (datagram.source, datagram.destination),
            17,
            place(datagram.payload),
            datagram.payload_len,
        )),
        Body::Tcp(segment) => Some((
            (segment.source, segment.destination),
            6,
            place(segment.payload),
            segment.payload_len,
        )),
        Body::Icmp(_) | Body::Membership(_) | Body::Other => None,
    }
}

impl Loaded {
    fn facts(&self) -> Facts {
        let local = self.ebpf.map("LOCAL").unwrap();
        let local: PerCpuArray<_, Local> = local.try_into().unwrap();
        local.get(&0, 0).unwrap()[0].facts
    }

    /// What the kernel reads in a packet.
    fn read(&mut self, name: &str, bytes: &[u8]) -> Fields {
        self.run(name, bytes, 1);
        self.fields(bytes)
    }

    /// What the kernel has read in a packet.
    pub(super) fn fields(&self, bytes: &[u8]) -> Fields {
        let facts = self.facts();
        let transport_at = facts.transport_at as usize;
        let (header_len, len) = if facts.protocol == 17 {
            let udp_len = [bytes[transport_at + 4], bytes[transport_at + 5]];
            (8, u32::from(u16::from_be_bytes(udp_len)) - 8)
        } else {
            let header_len = usize::from(bytes[transport_at + 12] >> 4) * 4;
            (
                header_len,
                facts.end - facts.transport_at - header_len as u32,
            )
        };
        let ends = (facts.flow.from(), facts.flow.to());
        (ends, facts.protocol, transport_at + header_len, len)
    }
}

/// Programs for a link.
fn programs(link: &str) -> (&'static [&'static str], LinkType) {
    if link == "raw" {
        (&["rtsp_raw_in", "rtsp_raw_out"], LinkType::RAW)
    } else {
        let names = &["rtsp_ether_in", "rtsp_ether_out", MIRROR_PROGRAM];
        (names, LinkType::ETHERNET)
    }
}

/// Calls for each shape and each program that may see it.
pub(super) fn for_each_shape(
    mut check: impl FnMut(&str, &'static str, LinkType, Ip, (&'static [u8], &'static str)),
) {
    stay_on_one_processor();
    for (name, tags, link) in LINKS {
        for ip in IPS {
            let (programs, link_type) = programs(link);
            for program in programs {
                let what = format!("{program}: {ip:?} in {name}");
                check(&what, program, link_type, ip, (tags, link));
            }
        }
    }
}

#[test]
fn headers_of_every_shape_are_read_as_the_offline_decoder_reads_them() {
    if !may_load("headers_of_every_shape_are_read_as_the_offline_decoder_reads_them") {
        return;
    }
    let text = b"OPTIONS rtsp://198.51.100.1/ RTSP/1.0\r\nCSeq: 1\r\n\r\n";
    let mut loaded = Loaded::new();
    let mut seen = 0;
    for_each_shape(|what, program, link_type, ip, (tags, link)| {
        if !ip.has_ports() {
            return;
        }
        loaded.mark_ports(&[MEDIA_PORTS[1]]);
        let packets = [
            (17, MEDIA_PORTS, udp(MEDIA_PORTS, &rtp(1))),
            (6, TEXT_PORTS, tcp(TEXT_PORTS, text)),
        ];
        for (protocol, ports, transport) in packets {
            let bytes = frame(tags, link, ip, protocol, &transport);
            // A packet of a known connection would be copied without another look.
            loaded.forget();
            let fields = loaded.read(program, &bytes);
            assert_eq!(Some(fields), offline(&bytes, link_type), "{what}");
            assert_eq!(fields.0, ends(ip, ports), "{what}");
            seen += 1;
        }
    });
    // Nine shapes of IP with ports in six links with three programs, and without a link with two; UDP and TCP.
    assert_eq!(seen, (9 * 6 * 3 + 9 * 2) * 2);
}

#[test]
fn media_of_every_shape_is_counted_in_one_flow() {
    if !may_load("media_of_every_shape_is_counted_in_one_flow") {
        return;
    }
    let mut loaded = Loaded::new();
    for_each_shape(|what, program, _, ip, (tags, link)| {
        loaded.forget();
        let (from, to) = ends(ip, MEDIA_PORTS);
        loaded.follow(to);
        for seq in 0..PACKETS {
            let datagram = udp(MEDIA_PORTS, &rtp(seq));
            loaded.run(program, &frame(tags, link, ip, 17, &datagram), 1);
        }
        let flows: Vec<_> = loaded
            .flows()
            .iter()
            .map(|(key, value)| {
                let rtp = value.stats.rtp;
                ((key.from(), key.to()), rtp.packets, rtp.bytes, rtp.lost())
            })
            .collect();
        let len = rtp(0).len() as u64;
        let counted = ((from, to), u64::from(PACKETS), u64::from(PACKETS) * len, 0);
        // A later fragment has no ports and is nobody's.
        let expected = if ip.has_ports() {
            vec![counted]
        } else {
            Vec::new()
        };
        assert_eq!(flows, expected, "{what}");
        assert_eq!(loaded.losses(), [0; COUNTERS], "{what}");
    });
}

#[test]
fn text_of_every_shape_is_copied_whole() {
    if !may_load("text_of_every_shape_is_copied_whole") {
        return;
    }
    let message = b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Length: 0\r\n\r\n";
    let mut loaded = Loaded::new();
    for_each_shape(|what, program, _, ip, (tags, link)| {
        loaded.forget();
        let bytes = frame(tags, link, ip, 6, &tcp(TEXT_PORTS, message));
        // The first is recognised, the second known.
        loaded.run(program, &bytes, 2);
        let copied: Vec<_> = loaded
            .records()
            .into_iter()
            .map(|(_, bytes)| bytes)
            .collect();
        let expected = if ip.has_ports() {
            vec![bytes.clone(), bytes]
        } else {
            Vec::new()
        };
        assert_eq!(copied, expected, "{what}");
    });
}
