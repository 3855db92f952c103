//! TCP connections that this machine itself is an end of (proc(5), `/proc/net/tcp`).

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::super::netfilter::Ends;

/// Tables of both families, of the namespace that the calling thread is in.
const TABLES: [&str; 2] = ["/proc/thread-self/net/tcp", "/proc/thread-self/net/tcp6"];

/// `TCP_ESTABLISHED` (`net/tcp_states.h`), as it is written.
const ESTABLISHED: &str = "01";

/// Own and other end of each connection that is open; none where the kernel does not tell.
pub(super) fn established() -> Vec<Ends> {
    let tables = TABLES
        .iter()
        .filter_map(|path| fs::read_to_string(path).ok());
    tables
        .flat_map(|table| table.lines().filter_map(ends).collect::<Vec<_>>())
        .collect()
}

/// The ends in a line: number, own end, other end, state, and more.
fn ends(line: &str) -> Option<Ends> {
    let mut words = line.split_ascii_whitespace().skip(1);
    let (own, other, state) = (words.next()?, words.next()?, words.next()?);
    (state == ESTABLISHED).then_some((end(own)?, end(other)?))
}

/// An address in words of the machine's byte order, and a port.
fn end(text: &str) -> Option<SocketAddr> {
    let (address, port) = text.split_once(':')?;
    let word = |at: usize| {
        let digits = address.get(at * 8..at * 8 + 8)?;
        Some(u32::from_str_radix(digits, 16).ok()?.to_ne_bytes())
    };
    let ip = match address.len() {
        8 => IpAddr::from(Ipv4Addr::from(word(0)?)),
        32 => {
            let words = [word(0)?, word(1)?, word(2)?, word(3)?];
            let octets = words.as_flattened().first_chunk::<16>()?;
            Ipv6Addr::from(*octets).to_canonical()
        }
        _ => return None,
    };
    Some(SocketAddr::new(ip, u16::from_str_radix(port, 16).ok()?))
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn a_connection_of_this_machine_is_listed_from_both_its_ends() {
        for host in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(listener) = TcpListener::bind(host) else {
                println!("a_connection_of_this_machine…: {host} is skipped, there is no such host");
                continue;
            };
            let peer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let _accepted = listener.accept().unwrap();
            let own = (peer.local_addr().unwrap(), peer.peer_addr().unwrap());
            let listed = established();
            assert!(listed.contains(&own), "{own:?}");
            assert!(listed.contains(&(own.1, own.0)), "{own:?}");
        }
    }

    #[test]
    fn what_listens_or_makes_no_sense_is_left_out() {
        for line in [
            "  sl  local_address rem_address   st tx_queue rx_queue",
            "   0: 00000000:022A 00000000:0000 0A 00000000:00000000",
            "   1: 0100007F:022A 0100007F:9C4 06 00000000:00000000",
            "   2: 0100007F 0100007F:9C40 01 00000000:00000000",
            "   3: 01:022A 0100007F:9C40 01 00000000:00000000",
            "",
        ] {
            assert_eq!(ends(line), None, "{line}");
        }
    }

    #[test]
    fn an_address_of_ipv4_in_ipv6_is_one_of_ipv4() {
        let word = |octets: [u8; 4]| format!("{:08X}", u32::from_ne_bytes(octets));
        let [zero, ones, host] = [[0; 4], [0, 0, 255, 255], [192, 0, 2, 1]].map(word);
        let text = format!("{zero}{zero}{ones}{host}:022A");
        assert_eq!(end(&text), "192.0.2.1:554".parse().ok());
        assert_eq!(end(&format!("{host}:022A")), "192.0.2.1:554".parse().ok());
    }
}
