//! A router's transparent RTSP proxy: `lab-proxy PORT SERVER`, to be run until it is killed.
//!
//! It accepts at PORT what the router redirects there and passes every byte on to SERVER (`ADDRESS:PORT`) over a
//! connection of its own, so that the two sides have different initial sequence numbers. It changes no text.

use std::error::Error;
use std::io;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let port: u16 = args.next().ok_or("PORT is missing")?.parse()?;
    let server: SocketAddr = args.next().ok_or("SERVER is missing")?.parse()?;
    for client in TcpListener::bind((Ipv4Addr::UNSPECIFIED, port))?.incoming() {
        let client = client?;
        let outside = TcpStream::connect(server)?;
        pass_on(client.try_clone()?, outside.try_clone()?);
        pass_on(outside, client);
    }
    Ok(())
}

/// Copies one direction until its sender has finished or either connection broke, then ends the other's reading.
fn pass_on(mut from: TcpStream, mut to: TcpStream) {
    thread::spawn(move || {
        // A reset of one side ends the other side in the same way as its regular end.
        let _ = io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
    });
}
