//! A conversation of a player and a camera as a capture, segment by segment.

use std::net::SocketAddrV4;

use etherparse::{IpFragOffset, PacketBuilder, SlicedPacket};
use rtspscope_tests::pcap::{ByteOrder, Capture, Record, Resolution};

const PLAYER: SocketAddrV4 = SocketAddrV4::new(std::net::Ipv4Addr::new(10, 9, 8, 7), 40_123);
const CAMERA: SocketAddrV4 = SocketAddrV4::new(std::net::Ipv4Addr::new(10, 9, 1, 2), 554);

/// Who sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Player,
    Camera,
}

use self::Side::{Camera, Player};

/// What a segment is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Control {
    Open,
    Data,
    Close,
}

/// Frames of one or more connections.
#[derive(Debug, Default)]
pub(crate) struct Talk {
    pub(crate) frames: Vec<Vec<u8>>,
    /// Added to the player's port: another connection.
    pub(crate) connection: u16,
    next: [[u32; 2]; 4],
}

impl Talk {
    /// A connection is opened.
    pub(crate) fn open(connection: u16) -> Self {
        let mut talk = Self::default();
        talk.reopen(connection);
        talk
    }

    /// Another connection is opened in the same capture.
    pub(crate) fn reopen(&mut self, connection: u16) {
        self.connection = connection;
        self.next[usize::from(connection)] = [1_000 + u32::from(connection), 0xffff_fff0];
        for from in [Player, Camera] {
            let seq = self.next_of(from);
            let frame = self.segment(from, seq, b"", Control::Open);
            self.frames.push(frame);
            self.advance(from, 1);
        }
    }

    /// Both ends hang up, the player first.
    pub(crate) fn close(&mut self) {
        for from in [Player, Camera] {
            let frame = self.segment(from, self.next_of(from), b"", Control::Close);
            self.frames.push(frame);
            self.advance(from, 1);
        }
    }

    /// Bytes go out in one segment.
    pub(crate) fn send(&mut self, from: Side, bytes: &[u8]) {
        let seq = self.next_of(from);
        let frame = self.segment(from, seq, bytes, Control::Data);
        self.frames.push(frame);
        self.advance(from, bytes.len() as u32);
    }

    /// Bytes go out in segments that end at these places.
    pub(crate) fn send_cut(&mut self, from: Side, bytes: &[u8], cuts: &[usize]) {
        let mut start = 0;
        for end in cuts.iter().copied().chain([bytes.len()]) {
            self.send(from, &bytes[start..end]);
            start = end;
        }
    }

    /// Bytes that went out `back` bytes ago go out again.
    pub(crate) fn repeat(&mut self, from: Side, back: usize, bytes: &[u8]) {
        let seq = self.next_of(from).wrapping_sub(back as u32);
        let frame = self.segment(from, seq, bytes, Control::Data);
        self.frames.push(frame);
    }

    /// The last frame comes again as one that the far end, or a router, refuses (ICMP port unreachable).
    pub(crate) fn refuse_last(&mut self) {
        let quoted = &self.frames.last().expect("it is there")[14..];
        let kind = etherparse::Icmpv4Type::DestinationUnreachable(
            etherparse::icmpv4::DestUnreachableHeader::Port,
        );
        let builder = PacketBuilder::ethernet2([2; 6], [4; 6])
            .ipv4(CAMERA.ip().octets(), PLAYER.ip().octets(), 64)
            .icmpv4(kind);
        let mut frame = Vec::new();
        builder
            .write(&mut frame, quoted)
            .expect("it can be written");
        self.frames.push(frame);
    }

    /// The capture lost the last frame.
    pub(crate) fn lose_last(&mut self) {
        self.frames.pop().expect("it is there");
    }

    /// The last frame passed as two IP fragments, the first with `len` bytes of IP payload.
    pub(crate) fn fragment_last(&mut self, len: usize) {
        let frame = self.frames.pop().expect("it is there");
        let (ethernet, packet) = frame.split_at(14);
        let (header, payload) = packet.split_at(20);
        for (offset, part, more) in [(0, &payload[..len], true), (len, &payload[len..], false)] {
            let mut header = etherparse::Ipv4Header::from_slice(header)
                .expect("an IPv4 header")
                .0;
            header.identification = 77;
            header.dont_fragment = false;
            header.more_fragments = more;
            header.fragment_offset =
                IpFragOffset::try_new((offset / 8) as u16).expect("an offset that fits");
            header.total_len = (20 + part.len()) as u16;
            header.header_checksum = header.calc_header_checksum();
            let mut frame = ethernet.to_vec();
            header.write(&mut frame).expect("it can be written");
            frame.extend_from_slice(part);
            self.frames.push(frame);
        }
    }

    /// The frames as a classic capture that keeps `snaplen` bytes of each.
    pub(crate) fn capture(&self, snaplen: usize) -> Vec<u8> {
        let records = (0..).zip(&self.frames).map(|(index, frame)| Record {
            seconds: 1_790_000_000,
            micros: index * 1_000,
            original_len: frame.len() as u32,
            bytes: frame[..frame.len().min(snaplen)].to_vec(),
        });
        let capture = Capture {
            link_type: 1,
            records: records.collect(),
        };
        capture.write(ByteOrder::Little, Resolution::Micros)
    }

    fn next_of(&self, from: Side) -> u32 {
        self.next[usize::from(self.connection)][from as usize]
    }

    fn advance(&mut self, from: Side, len: u32) {
        let next = &mut self.next[usize::from(self.connection)][from as usize];
        *next = next.wrapping_add(len);
    }

    fn segment(&self, from: Side, seq: u32, payload: &[u8], control: Control) -> Vec<u8> {
        let player = SocketAddrV4::new(*PLAYER.ip(), PLAYER.port() + self.connection);
        let (source, destination, other) = match from {
            Player => (player, CAMERA, Camera),
            Camera => (CAMERA, player, Player),
        };
        let builder = PacketBuilder::ethernet2([2; 6], [4; 6])
            .ipv4(source.ip().octets(), destination.ip().octets(), 64)
            .tcp(source.port(), destination.port(), seq, 64_000);
        let builder = match control {
            Control::Open => builder.syn(),
            Control::Data => builder.psh(),
            Control::Close => builder.fin(),
        };
        let builder = if control == Control::Open && from == Player {
            builder
        } else {
            builder.ack(self.next_of(other))
        };
        let mut frame = Vec::new();
        builder
            .write(&mut frame, payload)
            .expect("it can be written");
        frame
    }
}

/// Whether the checksum of a TCP segment, or of an ICMP message, is right.
pub(crate) fn is_sound(frame: &[u8]) -> bool {
    let packet = SlicedPacket::from_ethernet(frame).expect("a packet");
    let Some(etherparse::NetSlice::Ipv4(ip)) = packet.net.as_ref() else {
        panic!("no IPv4 header: {packet:?}");
    };
    match packet.transport.as_ref().expect("a transport header") {
        etherparse::TransportSlice::Tcp(tcp) => {
            let sum = tcp
                .calc_checksum_ipv4(ip.header().source(), ip.header().destination())
                .expect("it is there");
            sum == tcp.checksum()
        }
        etherparse::TransportSlice::Icmpv4(icmp) => {
            let header = icmp.icmp_type();
            header.calc_checksum(icmp.payload()) == icmp.checksum()
        }
        other @ (etherparse::TransportSlice::Udp(_)
        | etherparse::TransportSlice::Icmpv6(_)
        | etherparse::TransportSlice::Igmp(_)) => {
            panic!("{other:?}")
        }
    }
}
