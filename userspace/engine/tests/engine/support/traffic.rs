//! Traffic written by hand: Ethernet frames with IPv4, handed to an engine one by one.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use rtspscope_engine::{Engine, Input};
use rtspscope_wire::{Direction, FrameRef, LinkType, TapId, Timestamp};

pub(crate) const LAN: TapId = TapId(0);
pub(crate) const WAN: TapId = TapId(1);

const FIN: u8 = 0x01;
pub(crate) const RST: u8 = 0x04;
pub(crate) const SYN: u8 = 0x02;
pub(crate) const ACK: u8 = 0x10;

/// An engine, a clock that the test turns, and the frame numbers of each tap.
pub(crate) struct Wire {
    pub(crate) engine: Engine,
    pub(crate) now_ms: i64,
    numbers: [u64; 2],
    /// Bytes of each frame that the captures of each tap keep.
    pub(crate) snap_lens: [usize; 2],
    /// How often the captures show each frame.
    pub(crate) copies: usize,
    /// What this host sends is not captured at this tap.
    pub(crate) unheard: Option<(TapId, Ipv4Addr)>,
}

impl Wire {
    pub(crate) fn new(engine: Engine) -> Self {
        Self {
            engine,
            now_ms: 0,
            numbers: [0; 2],
            snap_lens: [usize::MAX; 2],
            copies: 1,
            unheard: None,
        }
    }

    /// The time of the next frame in ns.
    pub(crate) fn now_ns(&self) -> i64 {
        self.now_ms * 1_000_000
    }

    pub(crate) fn wait_ms(&mut self, ms: i64) {
        self.now_ms += ms;
    }

    pub(crate) fn udp(&mut self, tap: TapId, from: &str, to: &str, payload: &[u8]) {
        let (from, to) = (address(from), address(to));
        let len = (payload.len() + 8) as u16;
        let head = [
            from.port().to_be_bytes(),
            to.port().to_be_bytes(),
            len.to_be_bytes(),
            [0; 2],
        ]
        .concat();
        self.frame(tap, &ip(from, to, 17, &[&head, payload].concat()));
    }

    /// An ICMP port unreachable that quotes the head of a UDP packet.
    pub(crate) fn port_unreachable(&mut self, tap: TapId, quoted_from: &str, quoted_to: &str) {
        let (from, to) = (address(quoted_from), address(quoted_to));
        let head = [
            from.port().to_be_bytes(),
            to.port().to_be_bytes(),
            [0, 8],
            [0; 2],
        ]
        .concat();
        let quoted = ip(from, to, 17, &head);
        self.frame(
            tap,
            &ip(
                to,
                from,
                1,
                &[&[3, 3, 0, 0, 0, 0, 0, 0][..], &quoted[14..]].concat(),
            ),
        );
    }

    pub(crate) fn segment(
        &mut self,
        tap: TapId,
        from: SocketAddr,
        to: SocketAddr,
        numbers: (u32, u32),
        flags: u8,
        text: &[u8],
    ) {
        let (seq, ack) = numbers;
        let ports = [from.port().to_be_bytes(), to.port().to_be_bytes()].concat();
        let fixed = [5 << 4, flags, 0xff, 0xff, 0, 0, 0, 0];
        let head = [&ports[..], &seq.to_be_bytes(), &ack.to_be_bytes(), &fixed].concat();
        self.frame(tap, &ip(from, to, 6, &[&head, text].concat()));
    }

    fn frame(&mut self, tap: TapId, bytes: &[u8]) {
        let sender = <[u8; 4]>::try_from(&bytes[26..30]).expect("an IPv4 header");
        if self.unheard == Some((tap, sender.into())) {
            self.now_ms += 1;
            return;
        }
        for _ in 0..self.copies {
            let number = &mut self.numbers[usize::from(tap.0)];
            *number += 1;
            self.engine.handle_input(Input::Frame(FrameRef {
                at: Timestamp(self.now_ms * 1_000_000),
                tap,
                direction: Direction::Unknown,
                link_type: LinkType::ETHERNET,
                number: *number,
                original_len: bytes.len() as u32,
                bytes: bytes
                    .get(..self.snap_lens[usize::from(tap.0)])
                    .unwrap_or(bytes),
            }));
        }
        self.now_ms += 1;
    }

    /// RTP packets of 100 bytes with these sequence numbers, 20 ms apart, each 1800 ticks of a 90 kHz clock.
    pub(crate) fn rtp(
        &mut self,
        tap: TapId,
        from: &str,
        to: &str,
        ssrc: u32,
        numbers: impl IntoIterator<Item = u16>,
    ) {
        for number in numbers {
            self.udp(tap, from, to, &rtp_packet(number, ssrc));
            self.wait_ms(19);
        }
    }
}

/// A TCP connection at one tap.
pub(crate) struct Talk {
    tap: TapId,
    client: SocketAddr,
    server: SocketAddr,
    client_seq: u32,
    server_seq: u32,
    /// The capture lacks its SETUP requests.
    pub(crate) drop_setup: bool,
}

impl Talk {
    /// Opens a connection with initial sequence numbers 1000 and 2000.
    pub(crate) fn open(wire: &mut Wire, tap: TapId, client: &str, server: &str) -> Self {
        Self::open_with(wire, tap, client, server, (1000, 2000))
    }

    pub(crate) fn open_with(
        wire: &mut Wire,
        tap: TapId,
        client: &str,
        server: &str,
        isn: (u32, u32),
    ) -> Self {
        let (client, server) = (address(client), address(server));
        wire.segment(tap, client, server, (isn.0, 0), SYN, b"");
        wire.segment(tap, server, client, (isn.1, isn.0 + 1), SYN | ACK, b"");
        Self {
            tap,
            client,
            server,
            client_seq: isn.0 + 1,
            server_seq: isn.1 + 1,
            drop_setup: false,
        }
    }

    /// Picks up a connection whose opening was not captured.
    pub(crate) fn midstream(tap: TapId, client: &str, server: &str) -> Self {
        Self {
            tap,
            client: address(client),
            server: address(server),
            client_seq: 5000,
            server_seq: 6000,
            drop_setup: false,
        }
    }

    /// The same behind a firewall that counts the bytes of both directions from elsewhere.
    pub(crate) fn renumbered(self) -> Self {
        Self {
            client_seq: self.client_seq + (1 << 30),
            server_seq: self.server_seq + (1 << 30),
            ..self
        }
    }

    pub(crate) fn client_says(&mut self, wire: &mut Wire, text: &[u8]) {
        if self.drop_setup && text.starts_with(b"SETUP") {
            self.client_seq += text.len() as u32;
            return;
        }
        wire.segment(
            self.tap,
            self.client,
            self.server,
            (self.client_seq, self.server_seq),
            ACK,
            text,
        );
        self.client_seq += text.len() as u32;
    }

    pub(crate) fn server_says(&mut self, wire: &mut Wire, text: &[u8]) {
        wire.segment(
            self.tap,
            self.server,
            self.client,
            (self.server_seq, self.client_seq),
            ACK,
            text,
        );
        self.server_seq += text.len() as u32;
    }

    /// The server sends what the engine does not get.
    pub(crate) fn server_says_unseen(&mut self, wire: &mut Wire, text: &[u8]) {
        wire.wait_ms(1);
        self.server_seq += text.len() as u32;
    }

    /// Sequence number of the next byte of the server.
    pub(crate) fn server_seq(&self) -> u32 {
        self.server_seq
    }

    /// One request and its answer.
    pub(crate) fn exchange(&mut self, wire: &mut Wire, request: &str, answer: &str) {
        self.client_says(wire, &message(request));
        wire.wait_ms(3);
        self.server_says(wire, &message(answer));
    }

    pub(crate) fn client_closes(&mut self, wire: &mut Wire) {
        wire.segment(
            self.tap,
            self.client,
            self.server,
            (self.client_seq, self.server_seq),
            FIN | ACK,
            b"",
        );
    }

    /// The server hangs up; its FIN may acknowledge one of the client.
    pub(crate) fn server_closes(&mut self, wire: &mut Wire, acknowledges_fin: bool) {
        let ack = self.client_seq + u32::from(acknowledges_fin);
        let numbers = (self.server_seq, ack);
        wire.segment(self.tap, self.server, self.client, numbers, FIN | ACK, b"");
    }

    /// Sets up one medium on these client ports and plays it; the server sends from 6970-6971.
    pub(crate) fn play_udp(&mut self, wire: &mut Wire, client_port: &str, answered_port: &str) {
        let url = format!("rtsp://{}/cam", self.server.ip());
        self.exchange(
            wire,
            &format!("DESCRIBE {url} RTSP/1.0|CSeq: 1|User-Agent: test player"),
            &format!("RTSP/1.0 200 OK|CSeq: 1|Server: test camera|Content-Base: {url}/|Content-Type: application/sdp|Content-Length: {}||{SDP}", message(SDP).len() - 2),
        );
        self.exchange(
            wire,
            &format!("SETUP {url}/track1 RTSP/1.0|CSeq: 2|Transport: RTP/AVP;unicast;client_port={client_port}"),
            &format!("RTSP/1.0 200 OK|CSeq: 2|Session: 1234;timeout=30|Transport: RTP/AVP;unicast;client_port={answered_port};server_port=6970-6971"),
        );
        self.exchange(
            wire,
            &format!("PLAY {url}/ RTSP/1.0|CSeq: 3|Session: 1234"),
            "RTSP/1.0 200 OK|CSeq: 3|Session: 1234",
        );
    }

    pub(crate) fn tear_down(&mut self, wire: &mut Wire) {
        let url = format!("rtsp://{}/cam", self.server.ip());
        self.exchange(
            wire,
            &format!("TEARDOWN {url}/ RTSP/1.0|CSeq: 9|Session: 1234"),
            "RTSP/1.0 200 OK|CSeq: 9",
        );
    }
}

/// Description of one video track; its lines end with CR LF.
const SDP: &str =
    "v=0|s=cam|m=video 0 RTP/AVP 96|a=rtpmap:96 H264/90000|a=control:track1|a=framerate:25.000000";

/// A message whose lines are written with `|` between them and `||` before the body.
pub(crate) fn message(text: &str) -> Vec<u8> {
    let (head, body) = text.split_once("||").unwrap_or((text, ""));
    let mut raw = format!("{}\r\n\r\n", head.replace('|', "\r\n"));
    if !body.is_empty() {
        raw.push_str(&body.replace('|', "\r\n"));
        raw.push_str("\r\n");
    }
    raw.into_bytes()
}

/// An RTP packet of 100 bytes, payload type 96, whose timestamp follows its number.
pub(crate) fn rtp_packet(number: u16, ssrc: u32) -> Vec<u8> {
    let timestamp = u32::from(number) * 1_800;
    let head = [
        &[0x80, 96][..],
        &number.to_be_bytes(),
        &timestamp.to_be_bytes(),
        &ssrc.to_be_bytes(),
    ]
    .concat();
    [head, vec![0; 88]].concat()
}

/// An RTCP receiver report without report blocks.
pub(crate) const RECEIVER_REPORT: [u8; 8] = [0x80, 201, 0, 1, 0, 0, 0, 9];

/// An RTCP sender report without report blocks.
pub(crate) fn sender_report(ssrc: u32) -> Vec<u8> {
    [&[0x80, 200, 0, 6][..], &ssrc.to_be_bytes(), &[0; 20]].concat()
}

/// An interleaved frame.
pub(crate) fn interleaved(channel: u8, payload: &[u8]) -> Vec<u8> {
    [
        &[b'$', channel][..],
        &(payload.len() as u16).to_be_bytes(),
        payload,
    ]
    .concat()
}

fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address of the test")
}

fn ip(from: SocketAddr, to: SocketAddr, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let octets = |address: SocketAddr| match address.ip() {
        IpAddr::V4(ip) => ip.octets(),
        IpAddr::V6(_) => Ipv4Addr::UNSPECIFIED.octets(),
    };
    let len = (20 + payload.len()) as u16;
    let head = [
        &[0x45, 0][..],
        &len.to_be_bytes(),
        &[0, 0, 0x40, 0, 64, protocol, 0, 0],
    ]
    .concat();
    let mut ethernet = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0];
    ethernet.extend([&head[..], &octets(from), &octets(to), payload].concat());
    ethernet
}
