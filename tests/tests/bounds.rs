//! Memory stays within fixed bounds, whatever strangers send: measured on the real program, with captures that are made
//! while it reads them.

use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddrV4};

use rtspscope_tests::flood::{Flags, Flood, SEGMENT_LEN, Talk};
use rtspscope_tests::memory;

/// The most that the program may need at its standard caps, in bytes, as `limits.rs` of the engine states it.
const BOUND: u64 = 128 << 20;

const SERVER: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(203, 0, 113, 10), 554);

/// The client with this number; no two have the same address and port.
fn client(number: u32) -> SocketAddrV4 {
    let address = Ipv4Addr::from_bits(0x0a00_0000 + (number >> 8));
    SocketAddrV4::new(address, 40_000 + (number & 0xff) as u16)
}

/// Has the program read the capture and holds its peak against the bound.
fn check<F>(write: F)
where
    F: FnOnce(&mut Flood<io::BufWriter<std::process::ChildStdin>>) -> io::Result<()>,
{
    let peak = memory::of_analyzing(write).expect("the program runs");
    assert!(peak.succeeded, "the program fails or takes too long");
    assert!(peak.bytes <= BOUND, "{} MiB", peak.bytes >> 20);
}

/// A connection on which the client speaks after it has opened it.
fn client_speaks<W: Write>(flood: &mut Flood<W>, number: u32, text: &[u8]) -> io::Result<Talk> {
    let mut talk = Talk::open(flood, [client(number), SERVER])?;
    talk.send(flood, text)?;
    Ok(talk)
}

/// The same bytes over and over, about a segment's length.
fn filled(with: &[u8]) -> Vec<u8> {
    with.repeat(SEGMENT_LEN.div_ceil(with.len()))
}

fn rtp(number: u16, ssrc: u32) -> [u8; 40] {
    let mut packet = [0; 40];
    packet[..2].copy_from_slice(&[0x80, 96]);
    packet[2..4].copy_from_slice(&number.to_be_bytes());
    packet[8..12].copy_from_slice(&ssrc.to_be_bytes());
    packet
}

#[test]
fn a_million_half_open_connections() {
    check(|flood| {
        (0..1_000_000).try_for_each(|number| {
            flood.segment([client(number), SERVER], [number, 0], Flags::Syn, &[])
        })
    });
}

#[test]
fn a_header_line_of_a_gigabyte() {
    check(|flood| {
        let mut talk = client_speaks(flood, 1, b"OPTIONS * RTSP/1.0\r\nX: ")?;
        let letters = [b'a'; SEGMENT_LEN];
        (0..(1 << 30) / SEGMENT_LEN).try_for_each(|_| talk.send(flood, &letters))
    });
}

#[test]
fn header_lines_without_end() {
    check(|flood| {
        let mut talk = client_speaks(flood, 1, b"OPTIONS * RTSP/1.0\r\n")?;
        let lines = filled(b"X: y\r\n");
        (0..100_000).try_for_each(|_| talk.send(flood, &lines))
    });
}

#[test]
fn a_description_without_end() {
    check(|flood| {
        let mut talk = Talk::open(flood, [SERVER, client(1)])?;
        let head = b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Type: application/sdp\r\nContent-Length: 4294967295\r\n\r\nv=0\r\n";
        talk.send(flood, head)?;
        let lines = filled(b"m=video 0 RTP/AVP 96\r\na=control:x\r\n");
        (0..100_000).try_for_each(|_| talk.send(flood, &lines))
    });
}

#[test]
fn descriptions_that_all_wait_for_their_end() {
    let lines = filled(b"a=x-odd:0123456789\r\n");
    check(|flood| {
        let head = b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Type: application/sdp\r\nContent-Length: 500000\r\n\r\nv=0\r\n";
        (0..800).try_for_each(|number| {
            let mut talk = Talk::open(flood, [SERVER, client(number)])?;
            talk.send(flood, head)?;
            (0..320).try_for_each(|_| talk.send(flood, &lines))
        })
    });
}

#[test]
fn segments_that_all_wait_for_a_missing_one() {
    let bytes = [b'a'; SEGMENT_LEN];
    check(|flood| {
        (0..400).try_for_each(|number| {
            let mut talk = client_speaks(flood, number, b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n")?;
            talk.skip(100);
            (0..600).try_for_each(|_| talk.send(flood, &bytes))
        })
    });
}

#[test]
fn ssrcs_that_change_with_every_packet() {
    check(|flood| {
        let ends = [SERVER, client(1)];
        (0..1_000_000).try_for_each(|number| flood.datagram(ends, &rtp(number as u16, number)))
    });
}

#[test]
fn ssrcs_that_change_after_each_silence_on_many_flows() {
    check(|flood| {
        (0..20).try_for_each(|round| {
            flood.wait(2_000_000_000);
            (0..32_768).try_for_each(|flow| flood.datagram([SERVER, client(flow)], &rtp(1, round)))
        })
    });
}

#[test]
fn a_million_flows() {
    check(|flood| {
        (0..1_000_000)
            .try_for_each(|number| flood.datagram([SERVER, client(number)], &rtp(1, number)))
    });
}

#[test]
fn connections_with_one_request_each() {
    check(|flood| {
        (0..50_000).try_for_each(|number| {
            client_speaks(flood, number, b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n").map(drop)
        })
    });
}

#[test]
fn small_requests_without_end_on_many_connections() {
    let requests = filled(b"A * RTSP/1.0\n\n");
    check(|flood| {
        (0..400).try_for_each(|number| {
            let mut talk = client_speaks(flood, number, b"")?;
            (0..50).try_for_each(|_| talk.send(flood, &requests))
        })
    });
}

#[test]
fn messages_full_of_oddities() {
    let odd = [
        b"OPTIONS * RTSP/1.0\r\n".as_slice(),
        &b"x\n".repeat(100),
        b"\r\n",
    ]
    .concat();
    check(|flood| {
        (0..400).try_for_each(|number| {
            let mut talk = client_speaks(flood, number, b"")?;
            (0..100).try_for_each(|_| talk.send(flood, &odd))
        })
    });
}

#[test]
fn tunnels_with_cookies_of_any_length() {
    let cookie = "c".repeat(3_000);
    let head = format!("GET /a HTTP/1.0\r\nx-sessioncookie: {cookie}\r\n\r\n");
    check(|flood| {
        (0..20_000).try_for_each(|number| client_speaks(flood, number, head.as_bytes()).map(drop))
    });
}

#[test]
fn fragments_whose_rest_never_comes() {
    let payload = [0; 1_400];
    check(|flood| {
        (0..500_000_u32).try_for_each(|number| {
            flood.fragment([SERVER, client(number >> 16)], number as u16, &payload)
        })
    });
}
