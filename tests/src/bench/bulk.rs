//! A download: TCP as fast as both ends and what is between them let it.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};

use super::flood::Stopwatch;

/// Bytes of one call.
const PIECE: usize = 128 << 10;

/// Bytes that a full packet carries on Ethernet, with time stamps (RFC 7323).
const SEGMENT: u64 = 1448;

/// Sends for so long and prints how many full packets that would have been.
pub(super) fn pour(to: &str, millis: u64) -> io::Result<()> {
    let mut peer = TcpStream::connect(to)?;
    let piece = vec![b'x'; PIECE];
    let stopwatch = Stopwatch::start(millis);
    let mut sent = 0_u64;
    while stopwatch.is_running() {
        sent += peer.write(&piece)? as u64;
    }
    stopwatch.print(sent / SEGMENT);
    Ok(())
}

/// Takes one such stream to its end, and prints the same.
pub(super) fn drink(address: &str) -> io::Result<()> {
    let (mut peer, _) = TcpListener::bind(address)?.accept()?;
    let mut room = vec![0; PIECE];
    let stopwatch = Stopwatch::start(0);
    let mut got = 0_u64;
    loop {
        match peer.read(&mut room)? {
            0 => break,
            read => got += read as u64,
        }
    }
    stopwatch.print(got / SEGMENT);
    Ok(())
}
