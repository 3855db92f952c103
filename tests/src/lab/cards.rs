//! The machine's own network cards as links: a guest has five, of which three are on one wire and two on another.
//!
//! What a driver hands to the kernel looks otherwise than what comes over a cable made by software. A connection
//! tracking helper that reads only the linear part of a packet does its work here, and nothing there.

use std::fs;
use std::io;

use super::Lab;
use crate::wait::{self, LIMIT};

/// The hardware addresses of the cards, by their places in the lab.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cards {
    /// The first host of the home network.
    pub lan: String,
    /// The second host of the home network.
    pub second: String,
    /// The router's `lan0`.
    pub router_lan: String,
    /// The router's `wan0`.
    pub router_wan: String,
    /// The host on the internet.
    pub wan: String,
}

impl Cards {
    /// Reads the five addresses in the order of the fields.
    pub fn from_args(args: &[String]) -> Option<Self> {
        let [lan, second, router_lan, router_wan, wan] = args else {
            return None;
        };
        Some(Self {
            lan: lan.clone(),
            second: second.clone(),
            router_lan: router_lan.clone(),
            router_wan: router_wan.clone(),
            wan: wan.clone(),
        })
    }

    /// Moves each card to its place.
    pub(super) fn plug(&self, lab: &Lab) -> io::Result<()> {
        for (address, space, name) in [
            (&self.lan, &lab.lan, "eth0"),
            (&self.second, &lab.second, "eth0"),
            (&self.router_lan, &lab.router, "lan0"),
            (&self.router_wan, &lab.router, "wan0"),
            (&self.wan, &lab.wan, "eth0"),
        ] {
            let what = format!("the network card {address}");
            let interface = wait::until(&what, LIMIT, || find(address))?;
            space.take(&interface, name)?;
        }
        Ok(())
    }
}

/// The interface of the first namespace that has this hardware address.
fn find(address: &str) -> Option<String> {
    let mut interfaces = fs::read_dir("/sys/class/net").ok()?.flatten();
    let found = interfaces.find(|interface| {
        let own = fs::read_to_string(interface.path().join("address"));
        own.is_ok_and(|own| own.trim().eq_ignore_ascii_case(address))
    })?;
    found.file_name().into_string().ok()
}
