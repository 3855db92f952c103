//! How private an address is: the first clue to which side of a NAT a leg was seen on.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// How far from the public internet an address is usable; greater is further inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Privacy {
    /// Reachable from anywhere, as far as its number tells.
    Public,
    /// A provider's shared space behind its own NAT: 100.64.0.0/10 (RFC 6598).
    Shared,
    /// RFC 1918, unique local (RFC 4193), link-local (RFC 3927, RFC 4291 §2.5.6) and loopback.
    Private,
}

/// Says how private `ip` is. IPv4-mapped IPv6 addresses count as their IPv4 address.
pub fn privacy(ip: IpAddr) -> Privacy {
    match ip.to_canonical() {
        IpAddr::V4(v4) => privacy_v4(v4),
        IpAddr::V6(v6) => privacy_v6(v6),
    }
}

/// Whether nobody outside the site could send to `ip`.
pub fn is_private(ip: IpAddr) -> bool {
    privacy(ip) > Privacy::Public
}

/// Whether two private addresses belong to networks that a /24 (IPv4) or a /64 (IPv6) keeps apart.
pub(crate) fn are_apart(a: IpAddr, b: IpAddr) -> bool {
    both_private(a, b) && shares_network(a, b) == Some(false)
}

/// Whether two private addresses belong to one network of that size.
pub(crate) fn are_neighbours(a: IpAddr, b: IpAddr) -> bool {
    both_private(a, b) && shares_network(a, b) == Some(true)
}

fn both_private(a: IpAddr, b: IpAddr) -> bool {
    [a, b]
        .into_iter()
        .all(|ip| privacy(ip) == Privacy::Private && !ip.is_loopback())
}

/// `None` for addresses of two families.
fn shares_network(a: IpAddr, b: IpAddr) -> Option<bool> {
    match (a.to_canonical(), b.to_canonical()) {
        (IpAddr::V4(a), IpAddr::V4(b)) => Some(a.octets()[..3] == b.octets()[..3]),
        (IpAddr::V6(a), IpAddr::V6(b)) => Some(a.segments()[..4] == b.segments()[..4]),
        _ => None,
    }
}

fn privacy_v4(ip: Ipv4Addr) -> Privacy {
    let [first, second, ..] = ip.octets();
    if ip.is_private() || ip.is_link_local() || ip.is_loopback() {
        Privacy::Private
    } else if first == 100 && (64..128).contains(&second) {
        Privacy::Shared
    } else {
        Privacy::Public
    }
}

fn privacy_v6(ip: Ipv6Addr) -> Privacy {
    if ip.is_unique_local() || ip.is_unicast_link_local() || ip.is_loopback() {
        Privacy::Private
    } else {
        Privacy::Public
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Privacy {
        privacy(text.parse().unwrap())
    }

    #[test]
    fn home_addresses_are_private() {
        for ip in [
            "192.168.1.100",
            "10.0.0.1",
            "172.16.0.1",
            "169.254.3.4",
            "fd00::1",
            "fe80::1",
            "::ffff:10.0.0.1",
        ] {
            assert_eq!(of(ip), Privacy::Private, "{ip}");
        }
    }

    #[test]
    fn a_providers_shared_space_is_between_private_and_public() {
        assert_eq!(of("100.64.0.1"), Privacy::Shared);
        assert_eq!(of("100.127.255.255"), Privacy::Shared);
        assert_eq!(of("100.128.0.0"), Privacy::Public);
        assert_eq!(of("203.0.113.1"), Privacy::Public);
        assert_eq!(of("2001:db8::1"), Privacy::Public);
    }
}
