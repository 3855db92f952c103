//! Which interfaces to tap, and what their frames begin with.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::path::Path;

use pnet::datalink::{self, NetworkInterface};
use rtspscope_wire::{LinkType, TapRole};

use super::LiveOptions;
use super::error::LiveError;

/// Finds the interface of a default route in a line of a table.
type Default = fn(&str) -> Option<&str>;

/// Where the kernel lists IPv4 and IPv6 routes.
const ROUTES: [(&str, Default); 2] = [
    ("/proc/net/route", default_ipv4),
    ("/proc/net/ipv6_route", default_ipv6),
];

/// One interface to tap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Interface {
    pub(super) name: String,
    pub(super) index: u32,
    pub(super) role: TapRole,
    pub(super) link_type: LinkType,
    /// What is sent on it comes in on it: each packet is seen twice where both directions are tapped.
    pub(super) is_loopback: bool,
}

/// The interfaces that the options name, else those that a router most likely wants watched.
pub(super) fn choose(options: &LiveOptions) -> Result<Vec<Interface>, LiveError> {
    let present = datalink::interfaces();
    if let Some(name) = &options.mirror {
        return Ok(vec![find(&present, name, TapRole::Mirror)?]);
    }
    if !options.taps.is_empty() {
        refuse_twice(&options.taps)?;
        let named = options.taps.iter();
        return named
            .map(|(name, role)| find(&present, name, *role))
            .collect();
    }
    let wan = ROUTES.iter().find_map(|(path, default)| {
        let routes = fs::read_to_string(path).ok()?;
        routes.lines().find_map(default).map(str::to_owned)
    });
    let taps: Result<Vec<_>, _> = present
        .iter()
        .filter(|interface| is_candidate(interface))
        .map(|interface| {
            let role = if Some(&interface.name) == wan.as_ref() {
                TapRole::Wan
            } else {
                TapRole::Lan
            };
            describe(interface, role)
        })
        .collect();
    match taps?.as_slice() {
        [] => Err(LiveError::NoInterface),
        taps => Ok(taps.to_vec()),
    }
}

/// An interface can be on one side only.
fn refuse_twice(taps: &[(String, TapRole)]) -> Result<(), LiveError> {
    let mut names = BTreeSet::new();
    match taps.iter().find(|(name, _)| !names.insert(name)) {
        Some((name, _)) => Err(LiveError::NamedTwice { name: name.clone() }),
        None => Ok(()),
    }
}

/// An interface that is there now.
pub(super) fn by_name(name: &str, role: TapRole) -> Result<Interface, LiveError> {
    find(&datalink::interfaces(), name, role)
}

fn find(present: &[NetworkInterface], name: &str, role: TapRole) -> Result<Interface, LiveError> {
    let found = present.iter().find(|interface| interface.name == name);
    let interface = found.ok_or_else(|| LiveError::UnknownInterface {
        name: name.to_owned(),
        known: present
            .iter()
            .map(|interface| interface.name.clone())
            .collect(),
    })?;
    describe(interface, role)
}

fn describe(interface: &NetworkInterface, role: TapRole) -> Result<Interface, LiveError> {
    let hardware = hardware_type(&interface.name).map_err(LiveError::system("SIOCGIFHWADDR"))?;
    let link_type = match hardware {
        libc::ARPHRD_ETHER | libc::ARPHRD_LOOPBACK => LinkType::ETHERNET,
        _ => LinkType::RAW,
    };
    Ok(Interface {
        name: interface.name.clone(),
        index: interface.index,
        role,
        link_type,
        is_loopback: hardware == libc::ARPHRD_LOOPBACK,
    })
}

/// Parts interfaces from those whose bridge or bond is among them too: the same packets cross both.
pub(super) fn without_ports(chosen: Vec<Interface>) -> (Vec<Interface>, Vec<Interface>) {
    let names: Vec<String> = chosen
        .iter()
        .map(|interface| interface.name.clone())
        .collect();
    chosen.into_iter().partition(|interface| {
        master(&interface.name).is_none_or(|master| !names.contains(&master))
    })
}

/// Name of the bridge or bond that an interface is a port of.
fn master(name: &str) -> Option<String> {
    let link = fs::read_link(Path::new("/sys/class/net").join(name).join("master")).ok()?;
    Some(link.file_name()?.to_string_lossy().into_owned())
}

/// Up, not the loopback, with an address of its own, and not a port of a bridge or bond: what it carries is seen there.
fn is_candidate(interface: &NetworkInterface) -> bool {
    interface.is_up()
        && !interface.is_loopback()
        && !interface.ips.is_empty()
        && master(&interface.name).is_none()
}

/// The kernel's `ARPHRD_*` number of an interface.
fn hardware_type(name: &str) -> io::Result<u16> {
    // SAFETY: no memory is passed.
    let socket = unsafe { libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0) };
    if socket < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: just opened, and owned by nobody else.
    let socket = unsafe { OwnedFd::from_raw_fd(socket) };
    // SAFETY: all zeros are a valid request.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    // The last byte stays 0.
    for (to, from) in request
        .ifr_name
        .iter_mut()
        .take(libc::IFNAMSIZ - 1)
        .zip(name.bytes())
    {
        // Characters of C are signed on some machines, and not on others.
        *to = libc::c_char::from_ne_bytes([from]);
    }
    // SAFETY: the request is of the type that this call reads and writes.
    if unsafe {
        libc::ioctl(
            socket.as_raw_fd(),
            libc::SIOCGIFHWADDR as libc::Ioctl,
            &raw mut request,
        )
    } < 0
    {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call has filled in this member.
    Ok(unsafe { request.ifr_ifru.ifru_hwaddr.sa_family })
}

/// The interface of a line of `/proc/net/route` that is a default route: destination and mask are zero.
fn default_ipv4(line: &str) -> Option<&str> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let [interface, destination, .., mask, _, _, _] = fields.as_slice() else {
        return None;
    };
    (*destination == "00000000" && *mask == "00000000").then_some(*interface)
}

/// The interface of a line of `/proc/net/ipv6_route` that is a default route and not the one that rejects all.
fn default_ipv6(line: &str) -> Option<&str> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let [destination, length, .., interface] = fields.as_slice() else {
        return None;
    };
    (destination.bytes().all(|byte| byte == b'0') && *length == "00" && *interface != "lo")
        .then_some(*interface)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_route_is_told_from_others() {
        let header =
            "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT";
        let default = "wan0\t00000000\t0100A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0";
        let local = "lan0\t0000A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0";
        assert_eq!(
            [header, default, local].map(default_ipv4),
            [None, Some("wan0"), None]
        );
    }

    #[test]
    fn the_route_that_rejects_all_is_no_default_route() {
        let zeros = "0".repeat(32);
        let line = |interface: &str| {
            format!("{zeros} 00 {zeros} 00 {zeros} ffffffff 00000001 00000000 00200200 {interface}")
        };
        assert_eq!(default_ipv6(&line("lo")), None);
        assert_eq!(default_ipv6(&line("wan0")), Some("wan0"));
    }
}
